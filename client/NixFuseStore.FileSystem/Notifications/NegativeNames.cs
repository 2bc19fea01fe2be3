namespace NixFuseStore.FileSystem.Notifications;

/// <summary>
/// Names that were answered "not there" a moment ago, and that the kernel may still believe so. Bounded; any thread.
/// </summary>
/// <remarks>
/// When there are more than fit, the oldest is forgotten: the kernel's own timeout is short, so a forgotten name shows up a little
/// later, and nothing worse.
/// </remarks>
/// <param name="time">The clock.</param>
/// <param name="kept">How long the kernel may believe a name absent.</param>
/// <param name="isResumed">The process before may have answered so, too: for as long, every name may be one.</param>
internal sealed class NegativeNames(TimeProvider time, TimeSpan kept, bool isResumed = false)
{
    private const int NamesMax = 8192;

    private readonly DateTimeOffset _anyUntil = isResumed ? time.GetUtcNow() + kept : DateTimeOffset.MinValue;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, DateTimeOffset> _names = new(StringComparer.Ordinal);
    private readonly Queue<(string Name, DateTimeOffset Until)> _order = new();

    public void Add(string name)
    {
        var now = time.GetUtcNow();
        lock (_gate)
        {
            while (_order.TryPeek(out var first) && (first.Until < now || _order.Count >= NamesMax))
            {
                _order.Dequeue();
                // A name added again has a later entry of its own.
                if (_names.TryGetValue(first.Name, out var until) && until == first.Until)
                {
                    _names.Remove(first.Name);
                }
            }

            _names[name] = now + kept;
            _order.Enqueue((name, now + kept));
        }
    }

    /// <summary>Whether a name was answered so lately.</summary>
    public bool Contains(string name)
    {
        lock (_gate)
        {
            return IsAny || (_names.TryGetValue(name, out var until) && until >= time.GetUtcNow());
        }
    }

    /// <summary>Takes a name out; false where it was not answered so lately.</summary>
    public bool Remove(string name)
    {
        lock (_gate)
        {
            return (_names.Remove(name, out var until) && until >= time.GetUtcNow()) || IsAny;
        }
    }

    /// <summary>Takes out everything.</summary>
    public string[] RemoveAll()
    {
        lock (_gate)
        {
            var names = _names.Keys.ToArray();
            _names.Clear();
            _order.Clear();
            return names;
        }
    }

    private bool IsAny => isResumed && time.GetUtcNow() <= _anyUntil;
}
