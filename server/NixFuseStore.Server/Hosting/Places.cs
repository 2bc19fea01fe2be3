namespace NixFuseStore.Server.Hosting;

/// <summary>A number of things that may be under way at once; unlike for <see cref="Turns"/>, nobody waits for one. Any thread.</summary>
internal sealed class Places(int count)
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
