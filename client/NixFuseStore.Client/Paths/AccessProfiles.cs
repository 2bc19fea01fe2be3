using NixFuseStore.Client.Metadata;

namespace NixFuseStore.Client.Paths;

/// <summary>
/// What servers say of paths that other hosts read: which chunks. A hint that nothing signs, good for one read-ahead a path. Bounded: with more
/// paths, the memory begins anew. Any thread.
/// </summary>
internal sealed class AccessProfiles
{
    private readonly Lock _gate = new();

    // Null: taken, or nothing is known.
    private readonly Dictionary<Key256, uint[]?> _runs = [];
    private int _waiting;

    /// <summary>Whether anything waits to be taken.</summary>
    public bool IsEmpty => Volatile.Read(ref _waiting) == 0;

    /// <summary>Keeps what a server said of a path; nothing where it was taken before.</summary>
    /// <param name="key">The path's hash part.</param>
    /// <param name="runs">Pairs of a first ordinal and a count, as they came.</param>
    public void Learn(in Key256 key, IReadOnlyCollection<uint> runs)
    {
        if (runs.Count == 0)
        {
            return;
        }

        lock (_gate)
        {
            if (_runs.Count >= PathTable.PathsMax)
            {
                _runs.Clear();
                _waiting = 0;
            }

            if (_runs.TryAdd(key, [.. runs]))
            {
                _waiting++;
            }
        }
    }

    /// <summary>Whether something waits to be taken for a path.</summary>
    public bool Has(in Key256 key)
    {
        lock (_gate)
        {
            return _runs.GetValueOrDefault(key) is not null;
        }
    }

    /// <summary>Takes what is known of a path. It is given once.</summary>
    public uint[]? Take(in Key256 key)
    {
        lock (_gate)
        {
            if (_runs.GetValueOrDefault(key) is not { } runs)
            {
                return null;
            }

            _runs[key] = null;
            _waiting--;
            return runs;
        }
    }
}
