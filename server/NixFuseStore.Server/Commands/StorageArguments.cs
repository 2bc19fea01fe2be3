using System.CommandLine;
using NixFuseStore.Server.Base;
using NixFuseStore.Server.Hosting;
using NixFuseStore.Settings;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Commands;

/// <summary>
/// The options of every command that say where storage is. An option beats its environment variable, which beats the settings files, which
/// beat the default. Passwords come from everywhere but the command line, which all users of a host can read.
/// </summary>
internal sealed class StorageArguments
{
    public const string MetadataVariable = "NIXFUSE_METADATA";
    public const string PasswordVariable = "PGPASSWORD";
    public const string PassFileVariable = "PGPASSFILE";

    private readonly Option<string?> _data = new("--data")
    {
        Description = $"The directory that holds metadata and packs unless the other options place them elsewhere (default: ./{StorageOptions.DefaultDataDirectory})",
        HelpName = "DIR",
    };

    private readonly Option<string?> _metadata = new("--metadata")
    {
        Description = $"postgres://user@host:port/database or sqlite:FILE (or {MetadataVariable}); the password in {PasswordVariable}, {PassFileVariable} or a settings file",
        HelpName = "URI",
    };

    private readonly Option<string?> _blobs = new("--blobs")
    {
        Description = "Where packs lie: file:DIR",
        HelpName = "URI",
    };

    public void AddTo(Command command, bool withBlobs = false)
    {
        command.Options.Add(_data);
        command.Options.Add(_metadata);
        if (withBlobs)
        {
            command.Options.Add(_blobs);
        }
    }

    /// <exception cref="FormatException">An option is wrong.</exception>
    /// <exception cref="SettingsException">A settings file is.</exception>
    public StorageOptions Read(ParseResult parsed, ServerSettings settings)
    {
        var metadata = parsed.GetValue(_metadata);
        if (metadata is not null && ServerSettings.HoldsPassword(metadata))
        {
            throw new FormatException(
                $"--metadata holds a password, which every user of this host can read in the list of processes: take it out, and give it in {PasswordVariable}, in a file that {PassFileVariable} names, or as metadata-password in a settings file");
        }

        // Where the environment says anything of a password, the files are not asked.
        var fromFiles = Variable(PasswordVariable) is null && Variable(PassFileVariable) is null;
        return new StorageOptions(
            parsed.GetValue(_data) ?? Rooted(settings.Data) ?? "./" + StorageOptions.DefaultDataDirectory,
            metadata ?? Variable(MetadataVariable) ?? RootedUri(settings.Metadata, "sqlite:"),
            parsed.GetValue(_blobs) ?? RootedUri(settings.Blobs, "file:"))
        {
            MetadataPassword = fromFiles ? settings.MetadataPassword?.Value : null,
            MetadataPassFile = fromFiles ? Rooted(settings.MetadataPassFile) : null,
        };
    }

    /// <summary>Runs something on the database, which has to be there: commands that look or change make none.</summary>
    public Task UseMetadataAsync(ParseResult parsed, Func<IMetadataStore, Task> use, CancellationToken cancellation) =>
        UseMetadataAsync(parsed, mayCreate: false, use, cancellation);

    /// <summary>As the other; may make the database.</summary>
    public async Task UseMetadataAsync(ParseResult parsed, bool mayCreate, Func<IMetadataStore, Task> use, CancellationToken cancellation)
    {
        var options = Read(parsed, SettingsFiles.Load().Server);
        var notice = parsed.InvocationConfiguration.Error;
        var metadata = await StorageOpener.OpenMetadataAsync(
            options, mayCreate, line => notice.WriteLine("nixfuse-server: " + line), cancellation).ConfigureAwait(false);
        await using (metadata.ConfigureAwait(false))
        {
            await use(metadata).ConfigureAwait(false);
        }
    }

    /// <summary>Finds a store that the operator named.</summary>
    /// <exception cref="ServerException">There is none.</exception>
    public static async Task<StoreRecord> FindStoreAsync(IMetadataStore metadata, string name, CancellationToken cancellation) =>
        await metadata.FindStoreAsync(name, cancellation).ConfigureAwait(false)
            ?? throw new ServerException($"there is no store '{name}' (see nixfuse-server store list)");

    // A settings file is not in the directory where the program happens to be started.
    private static string? Rooted(Setting<string>? setting) =>
        setting is null || Path.IsPathRooted(setting.Value) ? setting?.Value : throw setting.Wrong($"'{setting.Value}' is not an absolute path");

    private static string? RootedUri(Setting<string>? setting, string scheme) =>
        setting is null || !setting.Value.StartsWith(scheme, StringComparison.Ordinal) || Path.IsPathRooted(setting.Value[scheme.Length..])
            ? setting?.Value
            : throw setting.Wrong($"'{setting.Value[scheme.Length..]}' is not an absolute path");

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
