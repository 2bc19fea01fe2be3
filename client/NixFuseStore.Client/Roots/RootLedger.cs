using NixFuseStore.Nix;

namespace NixFuseStore.Client.Roots;

/// <summary>
/// How many hold each temporary root, and what of them the server knows. Used under its owner's lock; one batch at a time is under way.
/// </summary>
/// <param name="rootsMax">
/// Roots that are counted. Further ones are told to the server and forgotten here, so that they end with the session: when no process holds
/// anything any more.
/// </param>
internal sealed class RootLedger(int rootsMax)
{
    private readonly Dictionary<StorePath, Root> _roots = [];
    private readonly HashSet<StorePath> _unsent = [];
    private readonly HashSet<StorePath> _released = [];
    private int _held;

    /// <summary>What the server does with a root, as far as this process knows.</summary>
    private enum RootState
    {
        /// <summary>It does not know it.</summary>
        Unsent,

        /// <summary>It is just being told, one way or the other.</summary>
        UnderWay,

        /// <summary>It keeps it.</summary>
        Kept,
    }

    /// <summary>Whether the server keeps everything that is held. False while something is under way.</summary>
    internal bool IsComplete => _unsent.Count == 0 && !IsUnderWay;

    /// <summary>Whether the server keeps what no process holds.</summary>
    internal bool HasReleased => _released.Count > 0;

    /// <summary>Whether nothing is held.</summary>
    internal bool IsUnused => _held == 0;

    private bool IsUnderWay { get; set; }

    /// <summary>One more holds a root.</summary>
    /// <returns>Whether that is counted, and so to be released.</returns>
    internal bool Hold(StorePath path)
    {
        if (!_roots.TryGetValue(path, out var root))
        {
            _unsent.Add(path);
            if (_roots.Count >= rootsMax)
            {
                return false;
            }

            _roots.Add(path, root = new Root());
        }

        if (root.Holders++ == 0)
        {
            _held++;
            _released.Remove(path);
        }

        return true;
    }

    /// <summary>One less holds a root, which was counted.</summary>
    internal void Release(StorePath path)
    {
        var root = _roots[path];
        if (--root.Holders == 0)
        {
            _held--;
            Settle(path, root);
        }
    }

    /// <summary>Takes roots that the server is to be told of.</summary>
    internal StorePath[] TakeUnsent(int max) => Take(_unsent, max);

    /// <summary>Takes roots that the server is to forget.</summary>
    internal StorePath[] TakeReleased(int max) => Take(_released, max);

    /// <summary>Takes all roots, where it <see cref="IsUnused"/>: the session is about to end.</summary>
    internal StorePath[] TakeAll()
    {
        // Held by no process, these can only be some that were not counted.
        _unsent.Clear();
        return Take(_released, int.MaxValue);
    }

    /// <summary>What was taken last is done, or is as it was.</summary>
    /// <param name="batch">What was taken.</param>
    /// <param name="kept">Whether the server keeps these roots now.</param>
    internal void Finish(StorePath[] batch, bool kept)
    {
        IsUnderWay = false;
        foreach (var path in batch)
        {
            if (_roots.TryGetValue(path, out var root))
            {
                root.State = kept ? RootState.Kept : RootState.Unsent;
                Settle(path, root);
            }
            else if (!kept)
            {
                _unsent.Add(path);
            }
        }
    }

    /// <summary>The session is gone, and with it all that the server kept. Nothing is under way.</summary>
    internal void ForgetKept()
    {
        foreach (var (path, root) in _roots.ToArray())
        {
            root.State = RootState.Unsent;
            Settle(path, root);
        }
    }

    private StorePath[] Take(HashSet<StorePath> from, int max)
    {
        StorePath[] batch = [.. from.Take(max)];
        foreach (var path in batch)
        {
            from.Remove(path);
            if (_roots.TryGetValue(path, out var root))
            {
                root.State = RootState.UnderWay;
            }
        }

        IsUnderWay = batch.Length > 0;
        return batch;
    }

    // Puts a root where it belongs by its holders and state. One that is under way is looked at when that has ended.
    private void Settle(StorePath path, Root root)
    {
        switch (root.State, root.Holders > 0)
        {
            case (RootState.Unsent, true):
                _unsent.Add(path);
                break;
            case (RootState.Unsent, false):
                _roots.Remove(path);
                _unsent.Remove(path);
                _released.Remove(path);
                break;
            case (RootState.Kept, false):
                _released.Add(path);
                break;
        }
    }

    private sealed class Root
    {
        internal int Holders { get; set; }

        internal RootState State { get; set; }
    }
}
