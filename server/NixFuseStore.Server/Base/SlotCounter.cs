namespace NixFuseStore.Server.Base;

/// <summary>A number of things that may be under way at once; unlike for <see cref="ConcurrencyLimiter"/>, no caller waits for one. Any thread.</summary>
internal sealed class SlotCounter(int count)
{
    private int _free = count;

    /// <summary>Takes a place, if there is one, until it is given back.</summary>
    public bool TryTake()
    {
        if (Interlocked.Decrement(ref _free) >= 0)
        {
            return true;
        }

        Interlocked.Increment(ref _free);
        return false;
    }

    public void Return() => Interlocked.Increment(ref _free);
}
