using System.Diagnostics;

namespace NixFuseStore.Cache.Reading;

/// <summary>
/// Threads that read from disk and check digests, so that nobody who must not wait does. A thread per read in flight is what .NET's own
/// asynchronous file reads come to on Linux, and it costs no allocation here.
/// </summary>
internal sealed class ReadLanes(int lanesMax, Action<ReadRequest> read) : IDisposable
{
    /// <summary>Requests that may wait; more are answered as missing, for the network is quicker than such a queue.</summary>
    public const int WaitingMax = 4096;

    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _ready = new(0);
    private readonly Queue<ReadRequest> _waiting = new();
    private readonly ReadRequest?[] _running = new ReadRequest?[lanesMax];
    private int _lanes;
    private int _idle;
    private bool _closed;

    /// <summary>Takes a request; false when there are too many, or after <see cref="Dispose"/>.</summary>
    public bool TryEnqueue(ReadRequest request)
    {
        lock (_lock)
        {
            if (_closed || _waiting.Count >= WaitingMax)
            {
                return false;
            }

            _waiting.Enqueue(request);
            if (_idle < _waiting.Count && _lanes < lanesMax)
            {
                var lane = _lanes++;
                new Thread(() => Run(lane), 512 << 10) { IsBackground = true, Name = "cache-read" }.Start();
            }
        }

        _ready.Release();
        return true;
    }

    /// <summary>Answers what has been waiting for longer than the deadline as missing.</summary>
    /// <returns>How many that were.</returns>
    public int Expire(TimeSpan deadline)
    {
        var expired = 0;
        lock (_lock)
        {
            foreach (var request in _waiting.Concat(_running.OfType<ReadRequest>()))
            {
                if (Stopwatch.GetElapsedTime(request.StartedAt) > deadline && request.TrySetResult(null))
                {
                    expired++;
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

    private void Run(int lane)
    {
        while (true)
        {
            ReadRequest? request;
            lock (_lock)
            {
                _running[lane] = null;
                _idle++;
            }

            _ready.Wait();
            lock (_lock)
            {
                _idle--;
                if (_closed)
                {
                    return;
                }

                if (!_waiting.TryDequeue(out request))
                {
                    continue;
                }

                _running[lane] = request;
            }

            if (!request.Task.IsCompleted)
            {
                read(request);
            }
        }
    }
}
