using Microsoft.AspNetCore.Connections;

namespace NixFuseStore.Server.Base;

/// <summary>
/// All open connections, of which there are never so many that no descriptors are left for the server's own files. When there is no room
/// for another, the one that has been idle for longest goes: first those that never showed a good token, which anyone can open, then the
/// others. Where every connection is at work, the new one is closed. Calls may overlap.
/// </summary>
internal sealed class ConnectionTable
{
    /// <summary>More connections than this are never wanted: each costs memory.</summary>
    private const int ConnectionsMaxOfAll = 65_536;

    /// <summary>Fewer are of no use to anyone; where even these do not fit, accepting fails now and then.</summary>
    private const int ConnectionsMin = 8;

    /// <summary>Descriptors kept for packs, databases, upstreams and connections that are just being closed.</summary>
    private const int ReservedDescriptors = 1024;

    /// <summary>How long accepting waits for a connection to close; then one more is accepted, and closed where every other is at work.</summary>
    private static readonly TimeSpan RoomTimeout = TimeSpan.FromSeconds(1);

    private volatile int _connectionsMax = ConnectionsMin;

    // _lock guards all that follows.
    private readonly Lock _lock = new();
    private readonly LinkedList<Entry> _idleStrangers = new();
    private readonly LinkedList<Entry> _idle = new();
    private int _count;
    private int _sockets;
    private TaskCompletionSource? _room;

    /// <summary>How many connections there may be with so many free descriptors: half of them at least are kept for other things where they are few.</summary>
    public static int MaxFor(int descriptors) =>
        Math.Clamp(descriptors - Math.Min(descriptors / 2, ReservedDescriptors), ConnectionsMin, ConnectionsMaxOfAll);

    /// <summary>How many connections there may be; few until the server has said how many.</summary>
    public int ConnectionsMax
    {
        get => _connectionsMax;
        set => _connectionsMax = value;
    }

    /// <summary>Connections that are open and not on their way out.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _count;
            }
        }
    }

    // Some more than there are connections, so that those that give way and those that take their places overlap.
    private int SocketsMax => ConnectionsMax + Math.Max(8, ConnectionsMax / 8);

    /// <summary>Waits while there are as many sockets as there may be; for a second at most.</summary>
    public async ValueTask WaitForRoomAsync(CancellationToken cancellationToken)
    {
        Task room;
        lock (_lock)
        {
            if (_sockets < SocketsMax)
            {
                return;
            }

            room = (_room ??= new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }

        try
        {
            await room.WaitAsync(RoomTimeout, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // Every connection is at work: the next one is told so.
        }
    }

    /// <summary>Notes a socket that was accepted.</summary>
    public void NoteAccepted()
    {
        lock (_lock)
        {
            _sockets++;
        }
    }

    /// <summary>Notes that an accepted socket has closed.</summary>
    public void NoteClosed()
    {
        lock (_lock)
        {
            if (--_sockets < SocketsMax)
            {
                _room?.TrySetResult();
                _room = null;
            }
        }
    }

    /// <summary>The outermost connection middleware of an endpoint.</summary>
    public ConnectionDelegate Wrap(ConnectionDelegate next) => async connection =>
    {
        var entry = new Entry(connection);
        if (!TryAdd(entry))
        {
            connection.Abort(new ConnectionAbortedException("there are too many connections"));
            return;
        }

        connection.Features.Set(entry);
        try
        {
            await next(connection).ConfigureAwait(false);
        }
        finally
        {
            Remove(entry);
        }
    };

    /// <summary>Answers a request; meanwhile its connection is not idle.</summary>
    public async Task ServeAsync(HttpContext context, RequestDelegate next)
    {
        var entry = context.Features.Get<Entry>();
        if (entry is null)
        {
            await next(context).ConfigureAwait(false);
            return;
        }

        lock (_lock)
        {
            entry.Requests++;
            entry.Node.List?.Remove(entry.Node);
        }

        try
        {
            await next(context).ConfigureAwait(false);
        }
        finally
        {
            lock (_lock)
            {
                if (--entry.Requests == 0 && !entry.IsGone)
                {
                    (entry.IsKnown ? _idle : _idleStrangers).AddLast(entry.Node);
                }
            }
        }
    }

    /// <summary>Notes that a request came with a good token.</summary>
    public static void Know(HttpContext context)
    {
        if (context.Features.Get<Entry>() is { } entry)
        {
            entry.IsKnown = true;
        }
    }

    private bool TryAdd(Entry entry)
    {
        Entry? evicted = null;
        lock (_lock)
        {
            if (_count >= ConnectionsMax)
            {
                evicted = _idleStrangers.First?.Value ?? _idle.First?.Value;
                if (evicted is null)
                {
                    entry.IsGone = true;
                    return false;
                }

                Forget(evicted);
            }

            _count++;
            _idleStrangers.AddLast(entry.Node);
        }

        evicted?.Connection.Abort(new ConnectionAbortedException("an idle connection makes room for another"));
        return true;
    }

    private void Remove(Entry entry)
    {
        lock (_lock)
        {
            Forget(entry);
        }
    }

    private void Forget(Entry entry)
    {
        if (!entry.IsGone)
        {
            entry.IsGone = true;
            entry.Node.List?.Remove(entry.Node);
            _count--;
        }
    }

    private sealed class Entry
    {
        public Entry(ConnectionContext connection)
        {
            Connection = connection;
            Node = new LinkedListNode<Entry>(this);
        }

        public ConnectionContext Connection { get; }

        public LinkedListNode<Entry> Node { get; }

        public int Requests { get; set; }

        public bool IsKnown { get; set; }

        public bool IsGone { get; set; }
    }
}
