using Grpc.Core;

namespace NixFuseStore.Server.Transfers;

/// <summary>
/// Places for transfers that hold memory while they last. No principal holds more than its share; those who wait are served by turns, a
/// principal at a time; and a transfer whose peer has stopped gives its place to one that waits. Calls may overlap.
/// </summary>
/// <param name="count">Places in all.</param>
/// <param name="share">Places of one principal at most.</param>
/// <param name="stalledAfter">A transfer that has waited for its peer for so long gives way to others.</param>
/// <param name="time">The clock of waits.</param>
internal sealed class TransferPlaces(int count, int share, TimeSpan stalledAfter, TimeProvider time)
{
    /// <summary>Waiting transfers of one principal; more are turned away at once.</summary>
    private const int WaitingMax = 1024;

    /// <summary>A caller that waits longer is told that the server is busy.</summary>
    private static readonly TimeSpan WaitMax = TimeSpan.FromSeconds(60);

    /// <summary>While a caller waits, stalled transfers are looked for so often.</summary>
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(250);

    // _lock guards all that follows.
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Holder> _holders = new(StringComparer.Ordinal);
    private readonly LinkedList<Holder> _waiting = new();
    private int _taken;

    /// <summary>Takes a place until it is disposed.</summary>
    /// <param name="principal">Whose share it is of.</param>
    /// <param name="pace">The transfer's.</param>
    /// <exception cref="RpcException">UNAVAILABLE: too many wait already, or for too long.</exception>
    public async ValueTask<Place> TakeAsync(string principal, TransferPace pace)
    {
        TaskCompletionSource<Place> turn;
        lock (_lock)
        {
            if (!_holders.TryGetValue(principal, out var holder))
            {
                _holders.Add(principal, holder = new Holder(principal));
            }

            if (holder.Queue.Count == 0 && holder.Held.Count < share && _taken < count)
            {
                return Grant(holder, pace);
            }

            if (holder.Queue.Count >= WaitingMax)
            {
                throw Busy();
            }

            turn = new TaskCompletionSource<Place>(TaskCreationOptions.RunContinuationsAsynchronously);
            holder.Queue.AddLast((turn, pace));
            if (holder.Queue.Count == 1)
            {
                _waiting.AddLast(holder);
            }

            EndAStalledOne(holder);
        }

        try
        {
            for (var since = time.GetTimestamp(); ;)
            {
                try
                {
                    return await turn.Task.WaitAsync(LookEvery, time, pace.Token).ConfigureAwait(false);
                }
                catch (TimeoutException)
                {
                    if (time.GetElapsedTime(since) > WaitMax)
                    {
                        throw Busy();
                    }

                    lock (_lock)
                    {
                        EndAStalledOne(_holders[principal]);
                    }
                }
            }
        }
        catch
        {
            GiveUp(principal, turn);
            throw;
        }
    }

    private static RpcException Busy() => new(new Status(StatusCode.Unavailable, "the server has as many transfers under way as it can; try again"));

    private Place Grant(Holder holder, TransferPace pace)
    {
        _taken++;
        var place = new Place(this, holder, pace);
        holder.Held.Add(place);
        return place;
    }

    /// <summary>
    /// Room for a principal that waits: one of its own transfers where its share is used up, else one of the principal that holds most.
    /// The one that was ended gives its place back by itself, so one at a time is enough.
    /// </summary>
    private void EndAStalledOne(Holder waiting)
    {
        var from = waiting.Held.Count >= share ? waiting : _holders.Values.MaxBy(holder => holder.Held.Count)!;
        var stalled = from.Held.Where(place => !place.IsEnding).MaxBy(place => place.Pace.StalledFor);
        if (stalled is not null && stalled.Pace.StalledFor >= stalledAfter)
        {
            stalled.IsEnding = true;
            stalled.Pace.End("the transfer was ended: the other side did nothing while others waited for a place");
        }
    }

    private void GiveUp(string principal, TaskCompletionSource<Place> turn)
    {
        lock (_lock)
        {
            if (turn.Task.IsCompletedSuccessfully)
            {
                Return(turn.Task.Result);
                return;
            }

            var holder = _holders[principal];
            for (var node = holder.Queue.First; node is not null; node = node.Next)
            {
                if (node.Value.Turn == turn)
                {
                    holder.Queue.Remove(node);
                    break;
                }
            }

            if (holder.Queue.Count == 0)
            {
                _waiting.Remove(holder);
            }

            Forget(holder);
        }
    }

    private void Release(Place place)
    {
        lock (_lock)
        {
            Return(place);
        }
    }

    private void Return(Place place)
    {
        _taken--;
        place.Holder.Held.Remove(place);
        for (var node = _waiting.First; node is not null && _taken < count; node = node.Next)
        {
            var next = node.Value;
            if (next.Held.Count >= share)
            {
                continue;
            }

            // Behind the others, if it waits for more.
            var (turn, pace) = next.Queue.First!.Value;
            next.Queue.RemoveFirst();
            _waiting.Remove(node);
            if (next.Queue.Count > 0)
            {
                _waiting.AddLast(next);
            }

            turn.SetResult(Grant(next, pace));
            break;
        }

        Forget(place.Holder);
    }

    private void Forget(Holder holder)
    {
        if (holder.Held.Count == 0 && holder.Queue.Count == 0)
        {
            _holders.Remove(holder.Name);
        }
    }

    /// <summary>Held until disposed, once.</summary>
    internal sealed class Place(TransferPlaces places, Holder holder, TransferPace pace) : IDisposable
    {
        public Holder Holder => holder;

        public TransferPace Pace => pace;

        public bool IsEnding { get; set; }

        public void Dispose() => places.Release(this);
    }

    /// <summary>What one principal has and waits for.</summary>
    internal sealed class Holder(string name)
    {
        public string Name => name;

        public HashSet<Place> Held { get; } = [];

        public LinkedList<(TaskCompletionSource<Place> Turn, TransferPace Pace)> Queue { get; } = new();
    }
}
