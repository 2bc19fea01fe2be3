using NixFuseStore.Daemon;

namespace NixFuseStore.Builds.Running;

/// <summary>One execution, and all who wait for it. It is ended when the last of them has left, or the builder stops.</summary>
internal sealed class SharedBuild
{
    private readonly CancellationTokenSource _ending;
    private readonly TaskCompletionSource<StepResult> _result = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <param name="directory">Where its log lies, in a file without a name.</param>
    /// <param name="stopping">Ends it.</param>
    internal SharedBuild(string directory, CancellationToken stopping)
    {
        Log = new BuildLog(directory);
        _ending = CancellationTokenSource.CreateLinkedTokenSource(stopping);
    }

    /// <summary>When it was first asked for.</summary>
    internal DateTimeOffset Since { get; } = DateTimeOffset.UtcNow;

    /// <summary>Whether it has a slot.</summary>
    internal bool IsRunning { get; set; }

    /// <summary>Those who wait; guarded by the builder.</summary>
    internal int Waiters { get; set; }

    /// <summary>What the build prints, from the first line on.</summary>
    internal BuildLog Log { get; }

    /// <summary>How it ended, which is known behind the last line of the log.</summary>
    internal Task<StepResult> Result => _result.Task;

    /// <summary>Ends, and never fails, when nothing of it runs any more.</summary>
    internal Task Ended { get; private set; } = Task.CompletedTask;

    internal void Start(Func<SharedBuild, CancellationToken, Task<StepResult>> run) => Ended = Task.Run(() => RunAsync(run));

    /// <summary>Nobody waits any more.</summary>
    internal void Abandon() => _ = AbandonAsync();

    private async Task AbandonAsync()
    {
        await _ending.CancelAsync().ConfigureAwait(false);
        await Ended.ConfigureAwait(false);
        _ending.Dispose();
        Log.Dispose();
    }

    private async Task RunAsync(Func<SharedBuild, CancellationToken, Task<StepResult>> run)
    {
        try
        {
            _result.TrySetResult(await run(this, _ending.Token).ConfigureAwait(false));
        }
        catch (OperationCanceledException)
        {
            _result.TrySetException(new DaemonStoreException("the build was given up: the mount is ending"));
        }
#pragma warning disable CA1031 // Whatever it is: those who wait are told.
        catch (Exception e)
#pragma warning restore CA1031
        {
            _result.TrySetException(e);
        }
        finally
        {
            // Nobody may be left to see a failure.
            _ = _result.Task.Exception;
            Log.Complete();
        }
    }
}
