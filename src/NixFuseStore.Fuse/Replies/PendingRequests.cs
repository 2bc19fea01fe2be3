using NixFuseStore.Fuse.Kernel;

namespace NixFuseStore.Fuse.Replies;

/// <summary>
/// Requests that left the dispatch threads, by id. The one that takes one out of here has the right to answer it, so that there
/// is one answer whatever races with what.
/// </summary>
internal sealed class PendingRequests
{
    private const int EarlyInterruptsMax = 64;

    private readonly Lock _gate = new();

    // All guarded by _gate. Ids without the mark of re-sending.
    private readonly Dictionary<ulong, FusePendingRequest> _requests = [];
    private readonly ulong[] _earlyInterrupts = new ulong[EarlyInterruptsMax];
    private int _nextEarlyInterrupt;
    private bool _closed;
    private TaskCompletionSource? _empty;

    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _requests.Count;
            }
        }
    }

    /// <summary>Enters a request, and tells whether its interrupt has come before it. False where no more are taken in.</summary>
    public bool TryAdd(FusePendingRequest request, out bool interrupted)
    {
        interrupted = false;
        lock (_gate)
        {
            var id = Id(request.Unique);
            if (_closed)
            {
                return false;
            }

            if (Array.IndexOf(_earlyInterrupts, id) is var early and >= 0)
            {
                _earlyInterrupts[early] = 0;
                interrupted = true;
            }

            // Ids are never given twice; should one be, the newer request is the one that has the kernel's attention.
            _requests[id] = request;
            return true;
        }
    }

    /// <summary>Takes a request out, with the id to answer it under. False when another thread did.</summary>
    public bool TryRemove(FusePendingRequest request, out ulong unique)
    {
        TaskCompletionSource? empty = null;
        lock (_gate)
        {
            unique = request.Unique;
            if (!_requests.TryGetValue(Id(unique), out var present) || present != request)
            {
                return false;
            }

            _requests.Remove(Id(unique));
            if (_requests.Count == 0)
            {
                (empty, _empty) = (_empty, null);
            }
        }

        empty?.SetResult();
        return true;
    }

    public bool Contains(FusePendingRequest request)
    {
        lock (_gate)
        {
            return _requests.TryGetValue(Id(request.Unique), out var present) && present == request;
        }
    }

    /// <summary>
    /// Finds the request that an INTERRUPT names. One that is not here is remembered: it may still be on its way, read by
    /// another thread, or was answered already. (Answering EAGAIN would make the kernel repeat the interrupt, for ever if a
    /// former process had read the request.)
    /// </summary>
    public FusePendingRequest? FindInterrupted(ulong unique)
    {
        lock (_gate)
        {
            if (_requests.TryGetValue(Id(unique), out var request))
            {
                return request;
            }

            _earlyInterrupts[_nextEarlyInterrupt] = Id(unique);
            _nextEarlyInterrupt = (_nextEarlyInterrupt + 1) % EarlyInterruptsMax;
            return null;
        }
    }

    /// <summary>When a re-sent request is the one that is being worked on, its answer will go to the new id.</summary>
    public bool TryAdopt(ulong resentUnique)
    {
        lock (_gate)
        {
            if (!_requests.TryGetValue(Id(resentUnique), out var request))
            {
                return false;
            }

            request.Unique = resentUnique;
            return true;
        }
    }

    /// <summary>Done once no request is pending.</summary>
    public Task WhenEmpty()
    {
        lock (_gate)
        {
            if (_requests.Count == 0)
            {
                return Task.CompletedTask;
            }

            _empty ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _empty.Task;
        }
    }

    /// <summary>Takes in no more, and returns what is left.</summary>
    /// <param name="forget">Take them out too, so that they are not answered.</param>
    public FusePendingRequest[] Close(bool forget)
    {
        lock (_gate)
        {
            _closed = true;
            var rest = _requests.Values.ToArray();
            if (forget)
            {
                _requests.Clear();
            }

            return rest;
        }
    }

    private static ulong Id(ulong unique) => unique & ~FuseInHeader.ResentMark;
}
