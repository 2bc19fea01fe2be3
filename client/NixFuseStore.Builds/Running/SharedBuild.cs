using NixFuseStore.Daemon;

namespace NixFuseStore.Builds.Running;

/// <summary>One execution, and all who wait for it. It is ended when the last of them has left, or the builder stops.</summary>
internal sealed class SharedBuild
{
    private readonly CancellationTokenSource _ending;
    private readonly TaskCompletionSource<StepResult> _result = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<Action> _cleanUps = [];

    /// <param name="key">What it is.</param>
    /// <param name="directory">Where its log lies, in a file without a name.</param>
    /// <param name="stopping">Ends it.</param>
    /// <exception cref="IOException">The log cannot be made.</exception>
    internal SharedBuild(BuildKey key, string directory, CancellationToken stopping)
    {
        Key = key;
        Log = new BuildLog(directory);
        _ending = CancellationTokenSource.CreateLinkedTokenSource(stopping);
    }

    /// <summary>What it is.</summary>
    internal BuildKey Key { get; }

    /// <summary>When it was first asked for.</summary>
    internal DateTimeOffset Since { get; } = DateTimeOffset.UtcNow;

    /// <summary>Whether it has a slot.</summary>
    internal bool IsRunning { get; set; }

    /// <summary>The other host that builds it; null where none does.</summary>
    internal string? Host { get; set; }

    /// <summary>Asks whether other hosts wait for this host's execution; null while it does not run.</summary>
    internal Func<Task<bool>>? IsWantedElsewhere { get; set; }

    /// <summary>Whether the last who left is waiting for other hosts; guarded by <see cref="RunningBuilds"/>.</summary>
    internal bool IsLeft { get; set; }

    /// <summary>Those who wait; guarded by <see cref="RunningBuilds"/>.</summary>
    internal int Waiters { get; set; }

    /// <summary>What the build prints, from the first line on.</summary>
    internal BuildLog Log { get; }

    /// <summary>How it ended, which is known behind the last line of the log.</summary>
    internal Task<StepResult> Result => _result.Task;

    /// <summary>Ends, and never fails, when nothing of it runs or lies around any more.</summary>
    internal Task Ended { get; private set; } = Task.CompletedTask;

    /// <summary>Begins. To be called once.</summary>
    /// <param name="run">The execution.</param>
    /// <param name="over">Called when the result is there, before anyone is told: from then on nobody may join.</param>
    internal void Start(Func<SharedBuild, CancellationToken, Task<StepResult>> run, Action over) => Ended = Task.Run(() => RunAsync(run, over));

    /// <summary>To be done when nobody waits for the result any more, and before the end. By the execution only.</summary>
    internal void AddCleanUp(Action cleanUp) => _cleanUps.Add(cleanUp);

    /// <summary>Does what is to be done before the end. By the execution only, and once nothing that it has begun runs any more.</summary>
    internal void CleanUp()
    {
        _cleanUps.ForEach(static cleanUp => cleanUp());
        _cleanUps.Clear();
    }

    /// <summary>Ends the execution, if it still runs.</summary>
    internal Task CancelAsync() => _ending.CancelAsync();

    /// <summary>Gives everything back, once nothing of it runs and nobody follows its log.</summary>
    internal void Release()
    {
        _ending.Dispose();
        Log.Dispose();
    }

    private async Task RunAsync(Func<SharedBuild, CancellationToken, Task<StepResult>> run, Action over)
    {
        StepResult? result = null;
        Exception? failure = null;
        try
        {
            result = await run(this, _ending.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            failure = new DaemonStoreException("the build was given up: the mount is ending");
        }
#pragma warning disable CA1031 // Whatever it is: those who wait are told.
        catch (Exception e)
#pragma warning restore CA1031
        {
            failure = e;
        }

        over();
        if (failure is null)
        {
            _result.SetResult(result!);
        }
        else
        {
            // Nobody may be left to see it.
            _result.SetException(failure);
            _ = _result.Task.Exception;
        }

        Log.Complete();
        CleanUp();
    }
}
