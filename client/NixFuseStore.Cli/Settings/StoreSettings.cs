using NixFuseStore.Cli.Errors;
using NixFuseStore.Client.Server;
using NixFuseStore.Nix;
using NixFuseStore.Settings;

namespace NixFuseStore.Cli.Settings;

/// <summary>Which store to talk to and how, after options, environment and defaults are weighed.</summary>
/// <param name="Servers">Addresses of servers of the same database, http or https, in the order of preference; at least one.</param>
/// <param name="Store">The store's name on them.</param>
/// <param name="Token">The bearer token, or null to call without one.</param>
/// <param name="TrustedPublicKeys">Keys in Nix's form "name:base64"; empty when none was given.</param>
/// <param name="TlsAuthorityFile">PEM file of the authority that signed the server's certificate, or null for the system's.</param>
internal sealed record StoreSettings(
    IReadOnlyList<Uri> Servers,
    string Store,
    string? Token,
    IReadOnlyList<string> TrustedPublicKeys,
    string? TlsAuthorityFile)
{
    /// <summary>The proxy that leads to the server, where a settings file names one.</summary>
    public Setting<string>? Proxy { get; init; }

    /// <summary>The first server, for messages.</summary>
    public string Server => Servers[0].GetLeftPart(UriPartial.Authority);

    /// <summary>Makes the connection, which connects when it is first used. The caller disposes it.</summary>
    /// <exception cref="StoreConfigurationException">The certificate file cannot be used.</exception>
    public ServerConnection Connect()
    {
        var token = Token;
        return new ServerConnection(new ServerConnectionOptions
        {
            Servers = Servers,
            StoreName = Store,
            TokenProvider = token is null ? null : () => token,
            TrustedCertificates = TlsAuthorityFile is null ? null : ServerConnectionOptions.ReadCertificates(TlsAuthorityFile),
        });
    }

    /// <summary>The trusted keys.</summary>
    /// <exception cref="UsageException">One is not of the form name:base64.</exception>
    public IReadOnlyList<NixPublicKey> ParseTrustedPublicKeys()
    {
        var keys = new List<NixPublicKey>(TrustedPublicKeys.Count);
        foreach (var text in TrustedPublicKeys)
        {
            try
            {
                keys.Add(NixPublicKey.Parse(text));
            }
            catch (FormatException e)
            {
                throw new UsageException($"--trusted-public-key '{text}' is no key of the form name:base64 ({e.Message.TrimEnd('.')})");
            }
        }

        return keys;
    }
}
