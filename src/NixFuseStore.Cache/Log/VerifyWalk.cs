using FASTER.core;
using NixFuseStore.Cache.Keys;
using NixFuseStore.Content;

namespace NixFuseStore.Cache.Log;

/// <summary>
/// Reads the whole log once and recomputes every digest. What the key table names but no record bears out is bad, also when the record
/// itself can no longer be recognised.
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

    public void Run(IProgress<VerifyProgress>? progress, CancellationToken cancellationToken)
    {
        var begin = Log.BeginAddress;
        long bad = 0;
        long seen = 0;
        var nextReport = begin;
        using var records = Log.Scan(begin, Until);
        while (records.GetNext(out var info))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (records.CurrentAddress >= nextReport)
            {
                nextReport = records.CurrentAddress + ProgressBytes;
                progress?.Report(new VerifyProgress(seen, records.CurrentAddress - begin, Until - begin, bad));
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
            else
            {
                bad++;
            }
        }

        progress?.Report(new VerifyProgress(Entries, Until - begin, Until - begin, _missing.Count));
    }
}
