using System.Diagnostics.CodeAnalysis;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Hosting;

/// <summary>
/// Remembers what was read of valid paths, by store and key. The least recently used go first when there is too much; when a store's
/// paths change, all that is remembered of it is dropped. Calls may overlap.
/// </summary>
internal sealed class StoreCache<TKey, TValue>
    where TKey : notnull
{
    private readonly StoreChanges _changes;
    private readonly long _weightMax;
    private readonly Func<TValue, long> _weigh;

    // _lock guards all that follows.
    private readonly Lock _lock = new();
    private readonly Dictionary<(StoreId Store, TKey Key), LinkedListNode<Entry>> _entries = [];
    private readonly LinkedList<Entry> _order = new();
    private readonly Dictionary<StoreId, int> _generations = [];
    private long _weight;

    /// <param name="changes">Tells when to forget.</param>
    /// <param name="weightMax">All entries together weigh at most this.</param>
    /// <param name="weigh">The weight of a value, its key included.</param>
    public StoreCache(StoreChanges changes, long weightMax, Func<TValue, long> weigh)
    {
        _changes = changes;
        _weightMax = weightMax;
        _weigh = weigh;
        changes.Changed += Forget;
    }

    /// <summary>Looks a value up.</summary>
    /// <param name="store">The store, which is followed from now on.</param>
    /// <param name="key">The key.</param>
    /// <param name="value">What is remembered.</param>
    /// <param name="generation">Goes to <see cref="Add"/> with what the caller reads instead.</param>
    public bool TryGet(StoreRecord store, TKey key, [MaybeNullWhen(false)] out TValue value, out int generation)
    {
        _changes.Follow(store);
        lock (_lock)
        {
            generation = _generations.GetValueOrDefault(store.Id);
            if (!_entries.TryGetValue((store.Id, key), out var node))
            {
                value = default;
                return false;
            }

            if (node != _order.First)
            {
                _order.Remove(node);
                _order.AddFirst(node);
            }

            value = node.Value.Value;
            return true;
        }
    }

    /// <summary>Remembers what was read after a <see cref="TryGet"/>, unless the store has changed since.</summary>
    public void Add(StoreRecord store, TKey key, TValue value, int generation)
    {
        lock (_lock)
        {
            if (_generations.GetValueOrDefault(store.Id) != generation)
            {
                return;
            }

            if (_entries.TryGetValue((store.Id, key), out var known))
            {
                Drop(known);
            }

            var node = _order.AddFirst(new Entry((store.Id, key), value, _weigh(value)));
            _entries.Add(node.Value.Key, node);
            _weight += node.Value.Weight;
            while (_weight > _weightMax && _order.Last is { } last)
            {
                Drop(last);
            }
        }
    }

    private void Drop(LinkedListNode<Entry> node)
    {
        _order.Remove(node);
        _entries.Remove(node.Value.Key);
        _weight -= node.Value.Weight;
    }

    private void Forget(StoreId store)
    {
        lock (_lock)
        {
            _generations[store] = _generations.GetValueOrDefault(store) + 1;
            for (var node = _order.First; node is not null;)
            {
                var next = node.Next;
                if (node.Value.Key.Store == store)
                {
                    Drop(node);
                }

                node = next;
            }
        }
    }

    private sealed record Entry((StoreId Store, TKey Key) Key, TValue Value, long Weight);
}
