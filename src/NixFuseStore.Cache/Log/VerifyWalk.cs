using NixFuseStore.Cache.Keys;
using NixFuseStore.Content;
using NixFuseStore.Native.Files;

namespace NixFuseStore.Cache.Log;

/// <summary>
/// Reads the whole log once and recomputes every digest. The walk loses its way behind a damaged record, up to the end of the page, and meets
/// old copies of what was stored again: so what it did not find whole is looked up one by one, and is bad when that fails too.
/// </summary>
internal sealed class VerifyWalk
{
    private const long ProgressBytes = 16L << 20;
    private readonly HashSet<ulong> _missing;

    /// <summary>On the writer thread: remembers what should be there.</summary>
    public VerifyWalk(ChunkLog log)
    {
        Log = log;
        Until = log.TailAddress;
        var keys = log.Keys.Snapshot();
        Entries = keys.Length;
        _missing = new HashSet<ulong>(keys.Length);
        foreach (var key in keys)
        {
            _missing.Add(KeyTable.Fingerprint(key));
        }
    }

    public ChunkLog Log { get; }

    /// <summary>Entries that should be there.</summary>
    public long Entries { get; }

    /// <summary>Plain bytes of the entries found whole.</summary>
    public long GoodBytes { get; private set; }

    /// <summary>After the walk: fingerprints of the entries that are not whole.</summary>
    public IReadOnlyCollection<ulong> Bad => _missing;

    private long Until { get; }

    /// <param name="session">A session of the log.</param>
    /// <param name="progress">Told now and then how far it is; may be null.</param>
    /// <param name="cancellationToken">Ends the walk.</param>
    /// <exception cref="IOException">The disk did not give all of it: what is bad cannot be told.</exception>
    public void Run(LogSession session, IProgress<VerifyProgress>? progress, CancellationToken cancellationToken)
    {
        // 1. All records, in their order.
        var begin = Log.BeginAddress;
        Log.TakeReadFailure();
        long seen = 0;
        var nextReport = begin;
        using var records = Log.Scan(begin, Until);
        while (records.GetNext(out var info))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (records.CurrentAddress >= nextReport)
            {
                nextReport = records.CurrentAddress + ProgressBytes;
                progress?.Report(new VerifyProgress(seen, records.CurrentAddress - begin, Until - begin, 0));
            }

            ref var key = ref records.GetKey();
            var fingerprint = KeyTable.Fingerprint(key.FirstBytes);
            if (info.Tombstone || !_missing.Contains(fingerprint))
            {
                continue; // evicted or dropped before, or seen already
            }

            seen++;
            ref var value = ref records.GetValue();
            if (value.Length > 0 && value.Length <= Log.ChunkBytesMax && ChunkId.Compute(value.AsReadOnlySpan()) == key.ToId())
            {
                GoodBytes += value.Length;
                _missing.Remove(fingerprint);
            }
        }

        if (Log.TakeReadFailure() is { } failure && !DiskErrors.IsMedium(failure))
        {
            throw new IOException($"the cache cannot be verified now: {failure.Message}", failure);
        }

        // 2. What it did not find, one by one.
        foreach (var fingerprint in _missing.ToArray())
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (Log.Check(session, fingerprint) is > 0 and var length)
            {
                GoodBytes += length;
                _missing.Remove(fingerprint);
            }
        }

        progress?.Report(new VerifyProgress(Entries, Until - begin, Until - begin, _missing.Count));
    }
}
