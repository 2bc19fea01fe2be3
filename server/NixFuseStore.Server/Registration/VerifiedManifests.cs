using System.Collections.Concurrent;
using NixFuseStore.Content;
using NixFuseStore.Nix;

namespace NixFuseStore.Server.Registration;

/// <summary>
/// Which NAR a manifest was proven to be, lately. A manifest names its whole content, so the proof holds for every path that has it, and
/// a client that registers again because something else was missing does not have its content read again.
/// </summary>
internal sealed class VerifiedManifests
{
    /// <summary>When there are more, all are forgotten: nothing is lost but time.</summary>
    private const int EntriesMax = 100_000;

    private readonly ConcurrentDictionary<(ManifestDigest Manifest, string Directory), (NixHash Hash, ulong Size)> _proven = new();

    // About as many as there are: the dictionary's own count takes all of its locks.
    private int _count;

    public bool TryGet(ManifestDigest manifest, StoreDirectory directory, out (NixHash Hash, ulong Size) nar) =>
        _proven.TryGetValue((manifest, directory.Path), out nar);

    public void Add(ManifestDigest manifest, StoreDirectory directory, NixHash hash, ulong size)
    {
        if (Volatile.Read(ref _count) >= EntriesMax)
        {
            _proven.Clear();
            Volatile.Write(ref _count, 0);
        }

        if (_proven.TryAdd((manifest, directory.Path), (hash, size)))
        {
            Interlocked.Increment(ref _count);
        }
    }
}
