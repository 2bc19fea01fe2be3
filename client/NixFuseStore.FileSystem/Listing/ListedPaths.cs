using System.Diagnostics.CodeAnalysis;
using NixFuseStore.Client.Paths;
using NixFuseStore.Content;

namespace NixFuseStore.FileSystem.Listing;

/// <summary>What a listing said of a path.</summary>
/// <param name="Kind">What its root is.</param>
/// <param name="Content">What is signed of it.</param>
internal readonly record struct ListedPath(EntryKind Kind, ListedContent Content);

/// <summary>
/// What listings brought, so that the lookups that follow one (<c>ls -l</c>, <c>find</c>) are answered from memory: half of a listing comes by
/// plain READDIR, and each of its names is then looked up. Bounded in number and in time, and given back by a timer. Any thread.
/// </summary>
/// <remarks>Two generations: names are added to the younger, and the older one goes as a whole when the younger has become full or old.</remarks>
internal sealed class ListedPaths(TimeProvider time) : IDisposable
{
    /// <summary>Names of one generation, about 300 bytes each.</summary>
    private const int GenerationMax = 32_768;

    /// <summary>Removals remembered, so that a listing that was under way does not bring a removed path back.</summary>
    private const int RemovalsMax = 8_192;

    /// <summary>A name is kept for one to two times this.</summary>
    internal static readonly TimeSpan GenerationTime = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();

    // All guarded by _gate.
    private readonly Queue<(string Name, long Moment)> _removals = new();
    private Dictionary<string, ListedPath> _young = NewGeneration(0);
    private Dictionary<string, ListedPath> _old = NewGeneration(0);
    private ITimer? _timer;
    private long _moment;
    private long _unknownBefore;
    private bool _disposed;

    /// <summary>Goes up with each removal.</summary>
    public long Moment => Volatile.Read(ref _moment);

    /// <summary>Names in memory.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _young.Count + _old.Count;
            }
        }
    }

    /// <summary>Keeps the signed ones of the entries.</summary>
    /// <param name="entries">What was listed.</param>
    /// <param name="moment"><see cref="Moment"/> before it was asked for: what was removed since is left out.</param>
    public void Add(IReadOnlyList<ListingEntry> entries, long moment)
    {
        lock (_gate)
        {
            if (moment < _unknownBefore || _disposed)
            {
                return;
            }

            var removed = RemovedSince(moment).ToHashSet(StringComparer.Ordinal);
            foreach (var entry in entries)
            {
                if (entry.Content is { } content && !removed.Contains(entry.BaseName))
                {
                    if (_young.Count >= GenerationMax)
                    {
                        Turn();
                    }

                    _young[entry.BaseName] = new ListedPath(entry.Kind, content);
                }
            }

            if (_young.Count > 0)
            {
                _timer ??= time.CreateTimer(static self => ((ListedPaths)self!).OnTimer(), this, GenerationTime, GenerationTime);
            }
        }
    }

    /// <summary>What was listed of a name lately. Allocates nothing.</summary>
    public bool TryGet(ReadOnlySpan<char> baseName, [NotNullWhen(true)] out string? name, out ListedPath path)
    {
        lock (_gate)
        {
            return _young.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(baseName, out name, out path)
                || _old.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(baseName, out name, out path);
        }
    }

    /// <summary>A path was removed.</summary>
    public void Forget(string baseName)
    {
        lock (_gate)
        {
            _moment++;
            _young.Remove(baseName);
            _old.Remove(baseName);
            _removals.Enqueue((baseName, _moment));
            if (_removals.Count > RemovalsMax)
            {
                _unknownBefore = _removals.Dequeue().Moment;
            }
        }
    }

    /// <summary>Removals were missed.</summary>
    public void ForgetAll()
    {
        lock (_gate)
        {
            _unknownBefore = ++_moment;
            Clear();
        }
    }

    /// <summary>
    /// The names that were removed after a moment, as far as they are known. The kernel was told of them, but may have got an answer from before
    /// afterwards.
    /// </summary>
    public string[] FindRemovedSince(long moment)
    {
        lock (_gate)
        {
            return [.. RemovedSince(moment)];
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            Clear();
        }
    }

    private static Dictionary<string, ListedPath> NewGeneration(int capacity) => new(capacity, StringComparer.Ordinal);

    private IEnumerable<string> RemovedSince(long moment) =>
        _moment == moment ? [] : _removals.Where(removal => removal.Moment > moment).Select(static removal => removal.Name);

    private void OnTimer()
    {
        lock (_gate)
        {
            Turn();
            if (_old.Count == 0)
            {
                Clear();
            }
        }
    }

    private void Turn()
    {
        _old = _young;
        _young = NewGeneration(0);
    }

    private void Clear()
    {
        _young = NewGeneration(0);
        _old = NewGeneration(0);
        _timer?.Dispose();
        _timer = null;
    }
}
