using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace NixFuseStore.Daemon.Derivations;

/// <summary>
/// A bounded memory: at least the newest <paramref name="entriesMax"/> entries, at most twice as many. When one half is full the other
/// is forgotten, which needs no list of uses.
/// </summary>
internal sealed class RecentMap<TKey, TValue>(int entriesMax)
    where TKey : notnull
{
    private readonly Lock _turning = new();
    private volatile ConcurrentDictionary<TKey, TValue> _newer = new();
    private volatile ConcurrentDictionary<TKey, TValue> _older = new();
    private int _count;

    internal bool TryGet(TKey key, [MaybeNullWhen(false)] out TValue value) =>
        _newer.TryGetValue(key, out value) || _older.TryGetValue(key, out value);

    internal void Add(TKey key, TValue value)
    {
        if (_newer.TryAdd(key, value) && Interlocked.Increment(ref _count) >= entriesMax)
        {
            lock (_turning)
            {
                if (_count >= entriesMax)
                {
                    _older = _newer;
                    _newer = new ConcurrentDictionary<TKey, TValue>();
                    _count = 0;
                }
            }
        }
    }
}
