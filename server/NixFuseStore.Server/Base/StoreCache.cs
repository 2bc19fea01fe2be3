using System.Diagnostics.CodeAnalysis;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Base;

/// <summary>
/// Remembers what was read of valid paths, by store and key. The least recently used go first when there is too much. Each entry stands on one
/// path: it goes when that path is removed, changes its content or, where the cache says so, is signed; events of other paths leave it alone. Calls may overlap.
/// </summary>
internal sealed class StoreCache<TKey, TValue>
    where TKey : notnull
{
    /// <summary>Paths whose last event is remembered, for values that were read before it and come in after it.</summary>
    private const int ChangedMax = 8_192;

    private readonly StoreEvents _events;
    private readonly long _weightMax;
    private readonly Func<TValue, long> _weigh;
    private readonly bool _holdsSignatures;

    // _lock guards all that follows.
    private readonly Lock _lock = new();
    private readonly Dictionary<(StoreId Store, TKey Key), LinkedListNode<Entry>> _entries = [];
    private readonly Dictionary<(StoreId Store, string HashPart), LinkedListNode<Entry>> _byPath = [];
    private readonly LinkedList<Entry> _order = new();
    private readonly Dictionary<(StoreId Store, string HashPart), long> _changed = [];
    private readonly Queue<(StoreId Store, string HashPart, long Moment)> _changedOrder = new();
    private readonly Dictionary<StoreId, long> _lost = [];
    private long _moment;
    private long _changedBefore;
    private long _weight;

    /// <param name="events">Tells when to forget.</param>
    /// <param name="weightMax">All entries together weigh at most this.</param>
    /// <param name="weigh">The weight of a value, its key included.</param>
    /// <param name="holdsSignatures">Whether values hold signatures of their path, and so are out of date when it gets others.</param>
    public StoreCache(StoreEvents events, long weightMax, Func<TValue, long> weigh, bool holdsSignatures)
    {
        _events = events;
        _weightMax = weightMax;
        _weigh = weigh;
        _holdsSignatures = holdsSignatures;
        events.Happened += OnEvents;
        events.Lost += OnLost;
    }

    /// <summary>Looks a value up.</summary>
    /// <param name="store">The store, which is followed from now on.</param>
    /// <param name="key">The key.</param>
    /// <param name="value">What is remembered.</param>
    /// <param name="moment">Goes to <see cref="Add"/> with what the caller reads instead.</param>
    public bool TryGet(StoreRecord store, TKey key, [MaybeNullWhen(false)] out TValue value, out long moment)
    {
        _events.Follow(store);
        lock (_lock)
        {
            moment = _moment;
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

    /// <summary>Remembers what was read after a <see cref="TryGet"/>, unless its path has changed since.</summary>
    /// <param name="store">The store.</param>
    /// <param name="key">The key.</param>
    /// <param name="hashPart">The hash part of a valid path that the value stands on.</param>
    /// <param name="value">The value.</param>
    /// <param name="moment">What <see cref="TryGet"/> gave.</param>
    public void Add(StoreRecord store, TKey key, string hashPart, TValue value, long moment)
    {
        lock (_lock)
        {
            if (moment < _changedBefore
                || _lost.GetValueOrDefault(store.Id) > moment
                || _changed.GetValueOrDefault((store.Id, hashPart)) > moment)
            {
                return;
            }

            if (_entries.TryGetValue((store.Id, key), out var known))
            {
                Drop(known);
            }

            // A path has one content, so another key that stands on it is one of a content that it had before.
            if (_byPath.TryGetValue((store.Id, hashPart), out var other))
            {
                Drop(other);
            }

            var node = _order.AddFirst(new Entry((store.Id, key), hashPart, value, _weigh(value)));
            _entries.Add(node.Value.Key, node);
            _byPath.Add((store.Id, hashPart), node);
            _weight += node.Value.Weight;
            while (_weight > _weightMax && _order.Last is { } last)
            {
                Drop(last);
            }
        }
    }

    /// <summary>Forgets a value that turned out to be out of date.</summary>
    public void Remove(StoreRecord store, TKey key)
    {
        lock (_lock)
        {
            if (_entries.TryGetValue((store.Id, key), out var node))
            {
                Drop(node);
            }
        }
    }

    private void Drop(LinkedListNode<Entry> node)
    {
        _order.Remove(node);
        _entries.Remove(node.Value.Key);
        _byPath.Remove((node.Value.Key.Store, node.Value.HashPart));
        _weight -= node.Value.Weight;
    }

    private void OnEvents(StoreId store, IReadOnlyList<StoreEvent> events)
    {
        lock (_lock)
        {
            foreach (var e in events)
            {
                if (e.Kind is not (StoreEventKind.Removed or StoreEventKind.ContentChanged) && !(e.Kind == StoreEventKind.SignaturesAdded && _holdsSignatures))
                {
                    continue;
                }

                var path = (store, e.Path.HashPart);
                _changed[path] = ++_moment;
                _changedOrder.Enqueue((store, e.Path.HashPart, _moment));
                if (_byPath.TryGetValue(path, out var node))
                {
                    Drop(node);
                }
            }

            while (_changedOrder.Count > ChangedMax)
            {
                var (formerStore, hashPart, moment) = _changedOrder.Dequeue();
                _changedBefore = moment;
                if (_changed.TryGetValue((formerStore, hashPart), out long last) && last == moment)
                {
                    _changed.Remove((formerStore, hashPart));
                }
            }
        }
    }

    private void OnLost(StoreId store)
    {
        lock (_lock)
        {
            _lost[store] = ++_moment;
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

    private sealed record Entry((StoreId Store, TKey Key) Key, string HashPart, TValue Value, long Weight);
}
