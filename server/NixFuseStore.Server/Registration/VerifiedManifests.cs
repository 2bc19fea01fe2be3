using BitFaster.Caching.Lru;
using NixFuseStore.Content;
using NixFuseStore.Nix;

namespace NixFuseStore.Server.Registration;

/// <summary>
/// Which NAR a manifest was proven to be, lately. A manifest names its whole content, so the proof holds for every path that has it, and
/// a client that registers again because something else was missing does not have its content read again.
/// </summary>
internal sealed class VerifiedManifests
{
    /// <summary>Beyond that, those longest unused are forgotten: nothing is lost but time.</summary>
    private const int EntriesMax = 100_000;

    private readonly FastConcurrentLru<(ManifestDigest Manifest, string Directory), (NixHash Hash, ulong Size)> _proven = new(EntriesMax);

    public bool TryGet(ManifestDigest manifest, StoreDirectory directory, out (NixHash Hash, ulong Size) nar) =>
        _proven.TryGet((manifest, directory.Path), out nar);

    public void Add(ManifestDigest manifest, StoreDirectory directory, NixHash hash, ulong size) =>
        _proven.AddOrUpdate((manifest, directory.Path), (hash, size));
}
