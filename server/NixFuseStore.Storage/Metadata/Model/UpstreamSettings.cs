namespace NixFuseStore.Storage.Metadata;

/// <summary>Where a store gets paths from that it does not have.</summary>
/// <param name="Urls">Binary caches, in the order in which they are asked.</param>
/// <param name="TrustedPublicKeys">One of these, <c>name:base64</c>, must have signed what comes from there.</param>
public sealed record UpstreamSettings(IReadOnlyList<string> Urls, IReadOnlyList<string> TrustedPublicKeys)
{
    /// <summary>No upstream.</summary>
    public static UpstreamSettings None { get; } = new([], []);
}
