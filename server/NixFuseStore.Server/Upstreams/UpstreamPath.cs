using NixFuseStore.Nix.BinaryCaches;

namespace NixFuseStore.Server.Upstreams;

/// <summary>A path that an upstream cache has, signed by a key that the store trusts.</summary>
/// <param name="Cache">The cache.</param>
/// <param name="Info">What it says of the path.</param>
internal sealed record UpstreamPath(UpstreamCache Cache, NarInfo Info);
