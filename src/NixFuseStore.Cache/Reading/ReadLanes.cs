using System.Diagnostics;

namespace NixFuseStore.Cache.Reading;

/// <summary>
/// Threads that read from disk and check digests, so that a caller never waits in the disk. A thread per read in flight is what .NET's own
/// asynchronous file reads come to on Linux, and it costs no allocation here.
/// </summary>
/// <remarks>
/// A circuit breaker stands before them. A read that runs for longer than the deadline opens it: what waits and what runs is answered as
/// missing, and so is all that comes, at once. Meanwhile one request a second is also read, though its caller has its answer: any read that
/// returns closes the breaker. A read that hangs on alone (one bad sector) opens it only once.
/// </remarks>
/// <param name="lanesMax">Reads in flight at a time.</param>
/// <param name="deadline">Longest time that a request waits for its turn, and that a read runs.</param>
/// <param name="read">Reads and answers one request.</param>
internal sealed class ReadLanes(int lanesMax, TimeSpan deadline, Action<ReadRequest> read) : IDisposable
{
    /// <summary>Requests that may wait; more are answered as missing, for the network is quicker than such a queue.</summary>
    public const int WaitingMax = 4096;

    /// <summary>How often a disk that does not answer is asked again.</summary>
    private static readonly TimeSpan s_probeInterval = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _ready = new(0);
    private readonly Queue<ReadRequest> _waiting = new();
    private readonly Lane[] _running = new Lane[lanesMax];
    private int _lanes;
    private int _idle;
    private bool _closed;
    private bool _isStalled;
    private long _probedAt;

    /// <summary>Whether a read has not come back in time, and none since.</summary>
    public bool IsStalled => Volatile.Read(ref _isStalled);

    /// <summary>Takes a request; false, then it is the caller's to answer, when there are too many, the disk hangs, or after <see cref="Dispose"/>.</summary>
    public bool TryEnqueue(ReadRequest request)
    {
        lock (_lock)
        {
            if (_closed || _waiting.Count >= WaitingMax)
            {
                return false;
            }

            if (_isStalled)
            {
                Probe(request);
                return false;
            }

            Enqueue(request);
        }

        return true;
    }

    /// <summary>Answers what takes longer than the deadline as missing; when it is the disk that holds it up, everything.</summary>
    /// <returns>How many that were.</returns>
    public int Expire()
    {
        var expired = 0;
        lock (_lock)
        {
            for (var i = 0; i < _running.Length; i++)
            {
                ref var lane = ref _running[i];
                if (lane.Request is not null && !lane.IsReported && Stopwatch.GetElapsedTime(lane.Since) > deadline)
                {
                    lane.IsReported = true;
                    _isStalled = true;
                    _probedAt = Stopwatch.GetTimestamp();
                }
            }

            for (var i = 0; i < _running.Length; i++)
            {
                expired += _running[i].Request is { } request && IsExpired(request) && request.TrySetResult(null) ? 1 : 0;
            }

            for (var i = _waiting.Count; i > 0; i--)
            {
                var request = _waiting.Dequeue();
                if (IsExpired(request))
                {
                    expired += request.TrySetResult(null) ? 1 : 0;
                }
                else
                {
                    _waiting.Enqueue(request);
                }
            }
        }

        return expired;
    }

    /// <summary>Answers everything that waits as missing and lets the threads end; does not wait for one that hangs in the disk.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _closed = true;
            while (_waiting.TryDequeue(out var request))
            {
                request.Answer(null);
            }

            _ready.Release(Math.Max(_lanes, 1));
        }
    }

    private bool IsExpired(ReadRequest request) => _isStalled || Stopwatch.GetElapsedTime(request.StartedAt) > deadline;

    // Under the lock.
    private void Enqueue(ReadRequest request)
    {
        _waiting.Enqueue(request);
        if (_idle < _waiting.Count && _lanes < lanesMax)
        {
            var lane = _lanes++;
            new Thread(() => Run(lane), 512 << 10) { IsBackground = true, Name = "cache-read" }.Start();
        }

        _ready.Release();
    }

    // Under the lock. The caller gets its answer elsewhere; the read only shows whether the disk is back.
    private void Probe(ReadRequest request)
    {
        if (Stopwatch.GetElapsedTime(_probedAt) >= s_probeInterval && _waiting.Count == 0 && (_idle > 0 || _lanes < lanesMax))
        {
            _probedAt = Stopwatch.GetTimestamp();
            var probe = new ReadRequest(request.Id, request.Length, _probedAt);
            probe.Task.ContinueWith(
                static read => read.Result?.Release(), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            Enqueue(probe);
        }
    }

    private void Run(int lane)
    {
        while (true)
        {
            lock (_lock)
            {
                if (_running[lane].Request is not null)
                {
                    _isStalled = false;
                }

                _running[lane] = default;
                _idle++;
            }

            _ready.Wait();
            ReadRequest? request;
            lock (_lock)
            {
                _idle--;
                if (_closed)
                {
                    return;
                }

                if (!_waiting.TryDequeue(out request) || request.Task.IsCompleted)
                {
                    continue;
                }

                _running[lane] = new Lane { Request = request, Since = Stopwatch.GetTimestamp() };
            }

            read(request);
        }
    }

    private struct Lane
    {
        public ReadRequest? Request;
        public long Since;
        public bool IsReported;
    }
}
