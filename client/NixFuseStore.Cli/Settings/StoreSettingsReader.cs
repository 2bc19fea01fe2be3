using NixFuseStore.Cli.Errors;
using NixFuseStore.Client.Server;
using NixFuseStore.Settings;

namespace NixFuseStore.Cli.Settings;

/// <summary>
/// Weighs options, environment, settings files and defaults, in this order. Free of the command line parser, because starting a mount
/// cannot afford to load it.
/// </summary>
internal static class StoreSettingsReader
{
    public const string ServerVariable = "NIXFUSE_SERVER";
    public const string StoreVariable = "NIXFUSE_STORE";
    public const string TokenVariable = "NIXFUSE_TOKEN";

    /// <summary>Of a longer file, which holds something else, no more is read.</summary>
    private const int TokenFileCharactersMax = 4096;

    public static StoreSettings Resolve(
        string? server, string? store, string? tokenFile, IReadOnlyList<string> trustedPublicKeys, string? tlsAuthorityFile, ClientSettings settings)
    {
        var (servers, named) = TakeStoreName(ParseServers(server ?? Variable(ServerVariable), settings));
        store ??= Variable(StoreVariable);
        if (named is not null && store is not null && store != named)
        {
            throw new UsageException($"the server's address names the store '{named}', and --store or {StoreVariable} the store '{store}'; leave one of them out");
        }

        tlsAuthorityFile ??= settings.TlsAuthorityFile?.Value;
        if (tlsAuthorityFile is not null && !File.Exists(tlsAuthorityFile))
        {
            throw new CliException($"cannot read the certificate file {tlsAuthorityFile}: it does not exist");
        }

        return new StoreSettings(
            servers,
            store ?? named ?? settings.Store?.Value ?? StoreOptions.DefaultStore,
            ReadToken(tokenFile, settings),
            trustedPublicKeys.Count > 0 ? trustedPublicKeys : settings.TrustedPublicKeys?.Value ?? [],
            tlsAuthorityFile)
        {
            Proxy = settings.Proxy,
        };
    }

    private static IReadOnlyList<Uri> ParseServers(string? given, ClientSettings settings)
    {
        var configured = given is null ? settings.Servers : null;
        try
        {
            return ServerConnectionOptions.ParseServers(given ?? (configured is null ? StoreOptions.DefaultServer : string.Join(',', configured.Value)));
        }
        catch (StoreConfigurationException e)
        {
            throw configured?.Wrong(e.Message) ?? (Exception)new UsageException(e.Message);
        }
    }

    /// <summary>A path behind an address is the store's name, as in the address of its binary cache.</summary>
    /// <exception cref="UsageException">It is more than a name, or another one for each server.</exception>
    private static (IReadOnlyList<Uri> Addresses, string? Store) TakeStoreName(IReadOnlyList<Uri> servers)
    {
        string? store = null;
        foreach (var server in servers)
        {
            var name = Uri.UnescapeDataString(server.AbsolutePath).Trim('/');
            if (name.Contains('/', StringComparison.Ordinal) || server.Query.Length > 0 || server.Fragment.Length > 0)
            {
                throw new UsageException($"server '{server.OriginalString}' has more behind its host than the name of a store");
            }

            if (name.Length == 0)
            {
                continue;
            }

            store = store is null || store == name ? name : throw new UsageException($"the servers' addresses name two stores, '{store}' and '{name}'; they have to be servers of one store");
        }

        return store is null ? (servers, null) : ([.. servers.Select(static server => new Uri(server.GetLeftPart(UriPartial.Authority)))], store);
    }

    private static string? ReadToken(string? tokenFile, ClientSettings settings)
    {
        if (tokenFile is null)
        {
            if (Variable(TokenVariable) is { } variable)
            {
                return AccessToken.Parse(variable, $"the variable {TokenVariable}");
            }

            tokenFile = settings.TokenFile?.Value;
            if (tokenFile is null)
            {
                return null;
            }
        }

        try
        {
            using var file = new StreamReader(tokenFile);
            var text = new char[TokenFileCharactersMax];
            return AccessToken.Parse(new string(text, 0, file.ReadBlock(text)), $"the token file {tokenFile}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException($"cannot read the token file {tokenFile}: {e.Message}", e);
        }
    }

    private static string? Variable(string name)
        => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
