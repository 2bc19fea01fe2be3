using NixFuseStore.Client;

namespace NixFuseStore.Cli.Settings;

/// <summary>
/// Weighs options, environment and defaults. Free of the command line parser, because starting a mount cannot afford to load it.
/// </summary>
internal static class StoreSettingsReader
{
    public const string ServerVariable = "NIXFUSE_SERVER";
    public const string StoreVariable = "NIXFUSE_STORE";
    public const string TokenVariable = "NIXFUSE_TOKEN";

    public static StoreSettings Resolve(
        string? server, string? store, string? tokenFile, IReadOnlyList<string> trustedPublicKeys, string? tlsAuthorityFile)
    {
        IReadOnlyList<Uri> servers;
        try
        {
            servers = ServerConnectionOptions.ParseServers(server ?? Variable(ServerVariable) ?? StoreOptions.DefaultServer);
        }
        catch (StoreConfigurationException e)
        {
            throw new UsageException(e.Message);
        }

        if (tlsAuthorityFile is not null && !File.Exists(tlsAuthorityFile))
        {
            throw new CliException($"cannot read the certificate file {tlsAuthorityFile}: it does not exist");
        }

        return new StoreSettings(
            servers,
            store ?? Variable(StoreVariable) ?? StoreOptions.DefaultStore,
            ReadToken(tokenFile),
            trustedPublicKeys,
            tlsAuthorityFile);
    }

    private static string? ReadToken(string? tokenFile)
    {
        if (tokenFile is null)
        {
            return Variable(TokenVariable);
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
