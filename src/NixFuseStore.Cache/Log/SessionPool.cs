using System.Diagnostics.CodeAnalysis;

namespace NixFuseStore.Cache.Log;

/// <summary>Sessions of one log for readers; also what keeps the log alive while one reads.</summary>
internal sealed class SessionPool(ChunkLog log)
{
    private readonly LogSession?[] _idle = new LogSession?[32];
    private int _rented;
    private volatile bool _closed;

    public ChunkLog Log => log;

    /// <summary>Takes a session, which must come back by <see cref="Return"/>; false when the log is closing.</summary>
    public bool TryRent([NotNullWhen(true)] out LogSession? session)
    {
        Interlocked.Increment(ref _rented);
        session = null;
        if (_closed)
        {
            Interlocked.Decrement(ref _rented);
            return false;
        }

        for (var i = 0; i < _idle.Length && session is null; i++)
        {
            if (Volatile.Read(ref _idle[i]) is not null)
            {
                session = Interlocked.Exchange(ref _idle[i], null);
            }
        }

        try
        {
            session ??= log.NewSession();
        }
        catch
        {
            Interlocked.Decrement(ref _rented);
            throw;
        }

        return true;
    }

    /// <summary>Gives a session back.</summary>
    /// <param name="session">The session.</param>
    /// <param name="isUsable">False after an exception: what it left behind is unknown.</param>
    public void Return(LogSession session, bool isUsable)
    {
        try
        {
            for (var i = 0; isUsable && i < _idle.Length; i++)
            {
                if (Interlocked.CompareExchange(ref _idle[i], session, null) is null)
                {
                    return;
                }
            }

            // A session that broke off still has a read under way, and FASTER would wait for it: it is left to the collector.
            if (isUsable)
            {
                session.Dispose();
            }
        }
        finally
        {
            Interlocked.Decrement(ref _rented);
        }
    }

    /// <summary>Waits until no reader is left, then disposes of all sessions.</summary>
    /// <returns>False when a reader did not come back in time.</returns>
    public bool Close(TimeSpan deadline)
    {
        _closed = true;
        Interlocked.MemoryBarrier();
        if (!SpinWait.SpinUntil(() => Volatile.Read(ref _rented) == 0, deadline))
        {
            return false;
        }

        for (var i = 0; i < _idle.Length; i++)
        {
            Interlocked.Exchange(ref _idle[i], null)?.Dispose();
        }

        return true;
    }
}
