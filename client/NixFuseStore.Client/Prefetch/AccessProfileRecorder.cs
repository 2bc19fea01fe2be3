using Google.Protobuf;
using NixFuseStore.Client.Server;
using NixFuseStore.Client.Trees;
using NixFuseStore.Content;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Prefetch;

/// <summary>
/// Tells the server which chunks were read, so that the next host that runs the same can fetch them together. A path is told of once no program has read
/// anything new of it for a while, or at the end. Costs readers a few instructions for each chunk's first read; failures are told to no caller. Any thread.
/// </summary>
internal sealed class AccessProfileRecorder : IAsyncDisposable
{
    /// <summary>A path of more bytes of which nearly all was read was copied or searched, not run: that says nothing of what programs need.</summary>
    public const long ScanBytesMin = 4 << 20;

    /// <summary>See <see cref="ScanBytesMin"/>.</summary>
    private const double ScanShare = 0.75;

    /// <summary>Paths in one report.</summary>
    private const int PathsPerReport = 1_000;

    /// <summary>Runs of chunks that are told of a path; what lies behind is left out.</summary>
    private const int RunsMax = 16_384;

    /// <summary>Paths remembered as told of; with more, the memory begins anew.</summary>
    private const int ReportedMax = 65_536;

    /// <summary>How long nothing new must have been read.</summary>
    public static readonly TimeSpan Quiet = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(5);

    /// <summary>An unmount waits for the last report.</summary>
    private static readonly TimeSpan LastDeadline = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private readonly Dictionary<PathContent, long> _readAt = [];
    private readonly ServerConnection _connection;
    private readonly ServerHealth _health;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stop = new();

    // Only one report is made at a time, and only it touches this.
    private readonly HashSet<ManifestDigest> _reported = [];
    private Task _reporting = Task.CompletedTask;
    private volatile bool _refused;

    public AccessProfileRecorder(ServerConnection connection, ServerHealth health, TimeProvider time)
    {
        _connection = connection;
        _health = health;
        _time = time;
    }

    /// <summary>A chunk was read for the first time.</summary>
    public void OnRead(PathContent content)
    {
        if (_refused)
        {
            return;
        }

        lock (_gate)
        {
            _readAt[content] = _time.GetTimestamp();
            if (_reporting.IsCompleted && !_stop.IsCancellationRequested)
            {
                _reporting = ReportLoopAsync();
            }
        }
    }

    /// <summary>Reports what is left, where the server is in touch.</summary>
    public async ValueTask DisposeAsync()
    {
        Task reporting;
        lock (_gate)
        {
            _stop.Cancel();
            reporting = _reporting;
        }

        await reporting.ConfigureAwait(false);
        if (_health.IsUp)
        {
            await ReportAsync(Take(TimeSpan.Zero), LastDeadline).ConfigureAwait(false);
        }

        _stop.Dispose();
    }

    private async Task ReportLoopAsync()
    {
        while (true)
        {
            await Task.Delay(Interval, _time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ForceYielding);
            if (_stop.IsCancellationRequested)
            {
                return;
            }

            await ReportAsync(Take(Quiet), Deadline).ConfigureAwait(false);
            lock (_gate)
            {
                if (_readAt.Count == 0)
                {
                    _reporting = Task.CompletedTask;
                    return;
                }
            }
        }
    }

    private List<PathContent> Take(TimeSpan quiet)
    {
        lock (_gate)
        {
            var now = _time.GetTimestamp();
            var taken = new List<PathContent>();
            foreach (var (content, readAt) in _readAt)
            {
                if (_time.GetElapsedTime(readAt, now) >= quiet)
                {
                    taken.Add(content);
                }
            }

            taken.ForEach(content => _readAt.Remove(content));
            return taken;
        }
    }

    private async Task ReportAsync(List<PathContent> contents, TimeSpan deadline)
    {
        try
        {
            for (var start = 0; start < contents.Count && !_refused; start += PathsPerReport)
            {
                var request = new ReportUseRequest { Store = _connection.StoreName };
                for (var i = start; i < Math.Min(start + PathsPerReport, contents.Count); i++)
                {
                    Add(request, contents[i]);
                }

                if (request.Paths.Count > 0)
                {
                    await _connection.CallAsync(
                        (endpoint, token) => endpoint.Store.ReportUseAsync(request, deadline, token), CancellationToken.None).ConfigureAwait(false);
                }
            }
        }
        catch (StoreUnavailableException)
        {
            // Another host will read the same.
        }
        catch (Exception)
        {
            // A server that does not know the call, say. Nothing depends on what is reported, and nothing may end the loop or the disposal.
            _refused = true;
        }
    }

    private void Add(ReportUseRequest request, PathContent content)
    {
        var ordinals = content.TakeUnreported(out var bytesRead);
        if (ordinals.Count == 0 || (content.Chunks.StreamLength >= ScanBytesMin && bytesRead > content.Chunks.StreamLength * ScanShare))
        {
            return;
        }

        if (_reported.Count >= ReportedMax)
        {
            _reported.Clear();
        }

        var digest = content.Handle.Digest;
        var use = new PathUse { ManifestDigest = UnsafeByteOperations.UnsafeWrap(digest.ToArray()), Continued = !_reported.Add(digest) };
        foreach (var ordinal in ordinals)
        {
            if (use.Chunks.Count > 0 && use.Chunks[^2] + use.Chunks[^1] == (uint)ordinal)
            {
                use.Chunks[^1]++;
            }
            else if (use.Chunks.Count < RunsMax * 2)
            {
                use.Chunks.Add((uint)ordinal);
                use.Chunks.Add(1);
            }
            else
            {
                break;
            }
        }

        request.Paths.Add(use);
    }
}
