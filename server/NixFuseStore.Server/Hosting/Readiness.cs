using NixFuseStore.Server.Base;
using NixFuseStore.Storage.Blobs;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Hosting;

/// <summary>
/// Whether this server can do its work at the moment: its database answers and its blobs are there. Anyone may ask, so one check at a time
/// runs, and its outcome serves everyone who asks within a second. Calls may overlap.
/// </summary>
internal sealed class Readiness(IMetadataStore metadata, IBlobStore blobs, TimeProvider time, ILogger logger)
{
    /// <summary>Who has not answered by then is not ready.</summary>
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan RememberedFor = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private Task<bool> _last = Task.FromResult(false);
    private Task _probe = Task.CompletedTask;
    private long? _since;
    private bool _wasReady = true;

    public Task<bool> CheckAsync()
    {
        lock (_lock)
        {
            if (_since is not { } since || (_last.IsCompleted && time.GetElapsedTime(since) > RememberedFor))
            {
                _since = time.GetTimestamp();
                _last = CheckOnceAsync();
            }

            return _last;
        }
    }

    private async Task<bool> CheckOnceAsync()
    {
        string? reason = null;
        try
        {
            // A probe that a dead disk or a silent network holds is waited for again, rather than joined by another.
            if (_probe.IsCompleted)
            {
                _probe = Task.Run(ProbeAsync);
            }

            await _probe.WaitAsync(Deadline, time).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            reason = $"{metadata.Description} and {blobs.Description} did not answer within {Deadline.TotalSeconds:0} s";
        }
#pragma warning disable CA1031 // whatever the failure is, the answer is that this server is not ready
        catch (Exception e)
#pragma warning restore CA1031
        {
            reason = e.Message;
        }

        var isReady = reason is null;
        if (isReady != _wasReady)
        {
            _wasReady = isReady;
            logger.Readiness(isReady ? "ready again" : $"not ready: {reason}");
        }

        return isReady;
    }

    private async Task ProbeAsync()
    {
        await metadata.PingAsync(CancellationToken.None).ConfigureAwait(false);
        await foreach (var _ in blobs.ListAsync(CancellationToken.None).ConfigureAwait(false))
        {
            break;
        }
    }
}
