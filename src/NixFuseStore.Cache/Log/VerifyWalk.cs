using NixFuseStore.Cache.Keys;
using NixFuseStore.Native.Files;

namespace NixFuseStore.Cache.Log;

/// <summary>Reads every chunk once, in the order of the log, and recomputes its digest.</summary>
internal sealed class VerifyWalk
{
    private const long ProgressBytes = 16L << 20;
    private readonly KeyEntry[] _entries;
    private readonly List<ulong> _bad = [];

    /// <summary>On the writer thread: remembers what should be there. Nothing may be evicted from now until the walk is over.</summary>
    public VerifyWalk(ChunkLog log)
    {
        Log = log;
        _entries = log.Keys.EntriesBetween(0, long.MaxValue);
    }

    public ChunkLog Log { get; }

    /// <summary>Entries that should be there.</summary>
    public long Entries => _entries.Length;

    /// <summary>Plain bytes of the entries found whole.</summary>
    public long GoodBytes { get; private set; }

    /// <summary>After the walk: fingerprints of the entries that are not whole.</summary>
    public IReadOnlyCollection<ulong> Bad => _bad;

    /// <param name="progress">Told now and then how far it is; may be null.</param>
    /// <param name="cancellationToken">Ends the walk.</param>
    /// <exception cref="IOException">The disk did not give all of it: what is bad cannot be told.</exception>
    public void Run(IProgress<VerifyProgress>? progress, CancellationToken cancellationToken)
    {
        var total = _entries.Sum(static entry => (long)entry.Place.Length);
        long bytes = 0;
        var nextReport = ProgressBytes;
        for (var i = 0; i < _entries.Length; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            ref readonly var entry = ref _entries[i];
            if (Log.TryReadWhole(in entry, out _, out var chunk, out var failure))
            {
                chunk.Release();
                GoodBytes += entry.Place.Length;
            }
            else if (failure is null || DiskErrors.IsMedium(failure))
            {
                _bad.Add(entry.Fingerprint);
            }
            else
            {
                throw new IOException($"the cache cannot be verified now: {failure.Message}", failure);
            }

            bytes += entry.Place.Length;
            if (bytes >= nextReport)
            {
                nextReport = bytes + ProgressBytes;
                progress?.Report(new VerifyProgress(i + 1, bytes, total, _bad.Count));
            }
        }

        progress?.Report(new VerifyProgress(Entries, total, total, _bad.Count));
    }
}
