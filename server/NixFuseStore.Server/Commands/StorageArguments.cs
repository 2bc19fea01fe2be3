using System.CommandLine;
using NixFuseStore.Server.Hosting;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Commands;

/// <summary>The options of every command that say where storage is.</summary>
internal sealed class StorageArguments
{
    private readonly Option<string> _data = new("--data")
    {
        Description = "The directory that holds metadata and packs unless the other options place them elsewhere",
        HelpName = "DIR",
        DefaultValueFactory = _ => "./" + StorageOptions.DefaultDataDirectory,
    };

    private readonly Option<string?> _metadata = new("--metadata")
    {
        Description = "postgres://user:password@host:port/database or sqlite:FILE",
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

    public StorageOptions Read(ParseResult parsed) =>
        new(parsed.GetValue(_data)!, parsed.GetValue(_metadata), parsed.GetValue(_blobs));

    /// <summary>Runs something on the database.</summary>
    public async Task UseMetadataAsync(ParseResult parsed, Func<IMetadataStore, Task> use, CancellationToken cancellation)
    {
        var metadata = await StorageOpener.OpenMetadataAsync(Read(parsed), cancellation).ConfigureAwait(false);
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
}
