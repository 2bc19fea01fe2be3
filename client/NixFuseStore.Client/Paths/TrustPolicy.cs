using NixFuseStore.Client.Server;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Paths;

/// <summary>Which keys are believed. Off loopback a key learnt from the same unverified connection proves nothing, so one must be given.</summary>
internal static class TrustPolicy
{
    /// <summary>Accepts what a server says of its store, and makes the verifier of its records.</summary>
    /// <exception cref="StoreConfigurationException">The server is not to be trusted, or its answer makes no sense.</exception>
    public static RecordVerifier Establish(ServerConnection connection, IReadOnlyList<NixPublicKey> given, GetStoreResponse store)
    {
        var servers = string.Join(", ", connection.Options.Servers.Select(static s => s.GetLeftPart(UriPartial.Authority)));
        var keys = new List<NixPublicKey>();
        foreach (var text in store.PublicKeys)
        {
            keys.Add(NixPublicKey.TryParse(text, out var key)
                ? key!
                : throw new StoreConfigurationException($"server {servers} names a public key that cannot be read"));
        }

        StoreDirectory directory;
        try
        {
            directory = new StoreDirectory(store.StoreDirectory);
        }
        catch (FormatException e)
        {
            throw new StoreConfigurationException($"server {servers} names a store directory that is none: {e.Message}", e);
        }

        if (given.Count > 0)
        {
            return keys.Exists(key => given.Contains(key))
                ? new RecordVerifier(connection.StoreName, directory, given)
                : throw new StoreConfigurationException(
                    $"the key of store '{connection.StoreName}' on {servers} is {Print(keys)}, which is not among the trusted public keys; refused");
        }

        if (!connection.IsLoopback)
        {
            throw new StoreConfigurationException(
                $"server {servers} is not on this host, so the key of its store must be known beforehand: give --trusted-public-key (the server says it is {Print(keys)})");
        }

        return new RecordVerifier(connection.StoreName, directory, keys);
    }

    private static string Print(List<NixPublicKey> keys) => keys.Count == 0 ? "none" : string.Join(' ', keys);
}
