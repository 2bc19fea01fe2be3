using NixFuseStore.Client;
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

    public static StoreSettings Resolve(
        string? server, string? store, string? tokenFile, IReadOnlyList<string> trustedPublicKeys, string? tlsAuthorityFile, ClientSettings settings)
    {
        tlsAuthorityFile ??= settings.TlsAuthorityFile?.Value;
        if (tlsAuthorityFile is not null && !File.Exists(tlsAuthorityFile))
        {
            throw new CliException($"cannot read the certificate file {tlsAuthorityFile}: it does not exist");
        }

        return new StoreSettings(
            ParseServers(server ?? Variable(ServerVariable), settings),
            store ?? Variable(StoreVariable) ?? settings.Store?.Value ?? StoreOptions.DefaultStore,
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

    private static string? ReadToken(string? tokenFile, ClientSettings settings)
    {
        if (tokenFile is null)
        {
            // Programs that read a secret out of a file often leave the line's end on it.
            if (Variable(TokenVariable)?.Trim() is { } variable)
            {
                return variable.Length > 0 ? variable : throw new CliException($"{TokenVariable} holds nothing but spaces");
            }

            tokenFile = settings.TokenFile?.Value;
            if (tokenFile is null)
            {
                return null;
            }
        }

        string token;
        try
        {
            token = File.ReadAllText(tokenFile).Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException($"cannot read the token file {tokenFile}: {e.Message}", e);
        }

        return token.Length > 0 ? token : throw new CliException($"the token file {tokenFile} is empty");
    }

    private static string? Variable(string name)
        => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
