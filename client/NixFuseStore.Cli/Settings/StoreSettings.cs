namespace NixFuseStore.Cli.Settings;

/// <summary>Which store to talk to and how, after options, environment and defaults are weighed.</summary>
/// <param name="Server">The server's address, http or https.</param>
/// <param name="Store">The store's name on that server.</param>
/// <param name="Token">The bearer token, or null to call without one.</param>
/// <param name="TrustedPublicKeys">Keys in Nix's form "name:base64"; empty when none was given.</param>
/// <param name="TlsAuthorityFile">PEM file of the authority that signed the server's certificate, or null for the system's.</param>
internal sealed record StoreSettings(
    Uri Server,
    string Store,
    string? Token,
    IReadOnlyList<string> TrustedPublicKeys,
    string? TlsAuthorityFile);
