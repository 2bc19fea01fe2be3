using System.CommandLine;
using NixFuseStore.Cli.Errors;
using NixFuseStore.Client.Server;
using NixFuseStore.Settings;

namespace NixFuseStore.Cli.Settings;

/// <summary>
/// The options shared by every command that talks to a server. Make one per command, <see cref="AddTo"/> it, and
/// <see cref="Read"/> it in the action. An option beats its environment variable, which beats the settings files, which beat the default.
/// </summary>
internal sealed class StoreOptions
{
    public const string DefaultServer = ServerConnectionOptions.DefaultServer;
    public const string DefaultStore = "main";

    private readonly Option<string?> _server = new("--server")
    {
        Description = $"The server's address, or several with commas between; a path behind it is the store's name (or NIXFUSE_SERVER; {DefaultServer})",
        HelpName = "URL",
    };

    private readonly Option<string?> _store = new("--store")
    {
        Description = $"The store's name on the server (or NIXFUSE_STORE; {DefaultStore})",
        HelpName = "NAME",
    };

    private readonly Option<string?> _tokenFile = new("--token-file")
    {
        Description = "A file that holds the access token (or the token itself in NIXFUSE_TOKEN)",
        HelpName = "FILE",
    };

    private readonly Option<string[]> _trustedPublicKeys = new("--trusted-public-key")
    {
        Description = "A key that must have signed the store's paths, as name:base64 (may be repeated)",
        HelpName = "KEY",
        DefaultValueFactory = _ => [],
    };

    private readonly Option<string?> _tlsAuthority = new("--tls-ca")
    {
        Description = "A PEM file of the authority that signed the server's certificate",
        HelpName = "FILE",
    };

    public void AddTo(Command command)
    {
        command.Options.Add(_server);
        command.Options.Add(_store);
        command.Options.Add(_tokenFile);
        command.Options.Add(_trustedPublicKeys);
        command.Options.Add(_tlsAuthority);
    }

    /// <exception cref="UsageException">An address is not one.</exception>
    /// <exception cref="SettingsException">A settings file cannot be used.</exception>
    /// <exception cref="CliException">The token file cannot be read or is empty.</exception>
    public StoreSettings Read(ParseResult parsed)
        => StoreSettingsReader.Resolve(
            parsed.GetValue(_server),
            parsed.GetValue(_store),
            parsed.GetValue(_tokenFile),
            parsed.GetValue(_trustedPublicKeys) ?? [],
            parsed.GetValue(_tlsAuthority),
            SettingsFiles.Load().Client);
}
