using NixFuseStore.Builds.Running;
using NixFuseStore.Daemon;
using NixFuseStore.Nix;

namespace NixFuseStore.Builds.Tests;

/// <summary>Who joins which build, and that nothing is left when all have left or the builder ends.</summary>
public sealed class RunningBuildsTests : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly StepResult Built = new(BuildStatus.Built, "");
    private static readonly BuildKey One = Key("one");

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("nixfuse-builds-");
    private readonly RunningBuilds _running;

    public RunningBuildsTests() => _running = new RunningBuilds(_folder.FullName);

    public ValueTask InitializeAsync() => default;

    public async ValueTask DisposeAsync()
    {
        await _running.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task WhoAsksForTheSame_Joins()
    {
        var end = new TaskCompletionSource<StepResult>();
        var first = _running.Join(One, (_, _) => end.Task);
        var second = _running.Join(One, static (_, _) => throw new InvalidOperationException("begun twice"));
        Assert.Same(first, second);
        Assert.Equal(2, Assert.Single(_running.List()).Waiters);
        end.SetResult(Built);
        Assert.Equal(Built, await second.Result.WaitAsync(Patience, TestContext.Current.CancellationToken));
        _running.Leave(first);
        _running.Leave(second);
        Assert.Empty(_running.List());
    }

    [Fact]
    public async Task WhatHasEnded_NobodyJoins_EvenIfSomebodyHasNotLeft()
    {
        var first = _running.Join(One, static (_, _) => Task.FromResult(new StepResult(BuildStatus.PermanentFailure, "failed")));
        await first.Result.WaitAsync(Patience, TestContext.Current.CancellationToken);
        var second = _running.Join(One, static (_, _) => Task.FromResult(Built));
        Assert.NotSame(first, second);
        Assert.Equal(Built, await second.Result.WaitAsync(Patience, TestContext.Current.CancellationToken));
        _running.Leave(first);
        _running.Leave(second);
    }

    [Fact]
    public async Task AnotherDerivation_IsAnotherBuild_ButNotAtTheSameTimeWhereTheOutputsAreTheSame()
    {
        var end = new TaskCompletionSource<StepResult>();
        var first = _running.Join(One, (_, _) => end.Task);
        bool begun = false;
        var second = _running.Join(One with { Text = "another" }, (_, _) =>
        {
            begun = true;
            return Task.FromResult(Built);
        });
        Assert.NotSame(first, second);
        await Task.Delay(100, TestContext.Current.CancellationToken);
        Assert.False(begun);
        end.SetResult(Built);
        Assert.Equal(Built, await second.Result.WaitAsync(Patience, TestContext.Current.CancellationToken));
        _running.Leave(first);
        _running.Leave(second);
    }

    [Fact]
    public async Task LastWhoLeaves_EndsIt_AndItIsClearedAway()
    {
        var cleared = new TaskCompletionSource();
        var shared = _running.Join(One, async (build, cancellation) =>
        {
            build.AddCleanUp(cleared.SetResult);
            await Task.Delay(Timeout.Infinite, cancellation);
            return Built;
        });
        _running.Leave(shared);
        await cleared.Task.WaitAsync(Patience, TestContext.Current.CancellationToken);
        Assert.Empty(_running.List());
    }

    [Fact]
    public async Task End_WaitsForAllThatIsStillBeingClearedAway()
    {
        using var clearing = new ManualResetEventSlim();
        var shared = _running.Join(One, (build, _) =>
        {
            build.AddCleanUp(clearing.Wait);
            return Task.FromResult(Built);
        });
        await shared.Result.WaitAsync(Patience, TestContext.Current.CancellationToken);
        _running.Leave(shared);
        var end = _running.DisposeAsync().AsTask();
        await Task.Delay(100, TestContext.Current.CancellationToken);
        Assert.False(end.IsCompleted);
        clearing.Set();
        await end.WaitAsync(Patience, TestContext.Current.CancellationToken);
        Assert.Throws<DaemonStoreException>(() => _running.Join(One, static (_, _) => Task.FromResult(Built)));
    }

    private static BuildKey Key(string name) => new(
        StoreDirectory.Default.Parse($"/nix/store/00000000000000000000000000000009-{name}.drv"), name, BuildLimits.Default, KeepFailed: false, OnlyElsewhere: false, "output", Own: null);
}
