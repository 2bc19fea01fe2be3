using NixFuseStore.Fuse.Kernel;
using NixFuseStore.Fuse.Replies;
using NixFuseStore.Fuse.Requests;
using NixFuseStore.Fuse.Sessions;
using NixFuseStore.Native.Linux;
using NixFuseStore.Testing.Fuse;

namespace NixFuseStore.Fuse.Tests.Sessions;

/// <summary>Requests that leave the dispatch thread: one answer each, whatever happens.</summary>
public sealed class PendingRequestTests
{
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(5);

    [Fact]
    public async Task Work_AnswersLater()
    {
        await using var kernel = Kernel(Long, static async pending =>
        {
            await Task.Yield();
            Assert.True(pending.Entry(new FuseEntryOut(7, default, FuseTimeout.Infinite, FuseTimeout.Infinite)));
        });
        Assert.Equal(7ul, (await kernel.LookupAsync(1, "x")).Entry.Node);
        Assert.Equal(0, kernel.Session.GetStatistics().InFlight);
    }

    [Fact]
    public async Task WaitingRequest_HoldsUpNoOther()
    {
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var kernel = Kernel(Long, async pending =>
        {
            await gate.Task;
            pending.Error(Errno.ENOENT);
        });
        var waiting = Enumerable.Range(0, 100).Select(i => kernel.LookupAsync(1, $"x{i}")).ToArray();
        Assert.Equal(9ul, (await kernel.GetAttributesAsync(9)).Attributes.Inode);
        Assert.InRange(kernel.Session.GetStatistics().InFlight, 0, 100);

        gate.SetResult();
        Assert.All(await Task.WhenAll(waiting), reply => Assert.Equal(Errno.ENOENT, reply.Error));
        Assert.Empty(kernel.Unwanted);
    }

    [Fact]
    public async Task Interrupt_AnswersAndCancelsAtOnce()
    {
        var started = NewSignal();
        var cancelled = NewSignal();
        await using var kernel = Kernel(Long, async pending =>
        {
            await using var registration = pending.Token.Register(cancelled.SetResult);
            started.SetResult();
            await cancelled.Task;
            await Task.Delay(50, CancellationToken.None);
            Assert.False(pending.Entry(default)); // too late
        });
        var unique = kernel.NextUnique();
        var answer = kernel.AskAsync(FuseOpcode.Lookup, 1, FuseTestKernel.Name("x"), unique);
        await started.Task;
        kernel.Interrupt(unique);

        Assert.Equal(Errno.EINTR, (await answer).Error);
        await cancelled.Task.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        await WaitUntilAsync(() => kernel.Session.GetStatistics().AnswersDropped == 1);
        var statistics = kernel.Session.GetStatistics();
        Assert.Equal((1, 0), (statistics.Interrupted, statistics.Unexpected));
        Assert.Empty(kernel.Unwanted);
    }

    [Fact]
    public async Task Interrupt_ThatOvertakesItsRequest_StillCounts()
    {
        var ran = false;
        await using var kernel = Kernel(Long, pending =>
        {
            ran = true;
            return Task.Delay(Timeout.Infinite, pending.Token);
        });
        var unique = kernel.NextUnique();
        kernel.Interrupt(unique);
        Assert.Equal(Errno.EINTR, (await kernel.AskAsync(FuseOpcode.Lookup, 1, FuseTestKernel.Name("x"), unique)).Error);
        Assert.False(ran);
    }

    [Fact]
    public async Task Interrupt_OfAProgramThatLivesOn_WaitsForTheAnswer()
    {
        var gate = NewSignal();
        var looks = 0;
        var options = new FuseSessionOptions
        {
            IsEnding = _ =>
            {
                Interlocked.Increment(ref looks);
                return false;
            },
        };
        await using var kernel = Kernel(
            Long,
            async pending =>
            {
                await gate.Task;
                pending.Error(Errno.ENOENT);
            },
            options);
        var unique = kernel.NextUnique();
        var answer = kernel.AskAsync(FuseOpcode.Lookup, 1, FuseTestKernel.Name("x"), unique);
        kernel.Interrupt(unique);
        await WaitUntilAsync(() => Volatile.Read(ref looks) >= 3);

        gate.SetResult();

        Assert.Equal(Errno.ENOENT, (await answer).Error);
        Assert.Equal(0, kernel.Session.GetStatistics().Interrupted);
    }

    [Fact]
    public async Task Interrupt_OfAProgramThatIsKilledLater_AnswersThen()
    {
        var ending = false;
        var cancelled = NewSignal();
        await using var kernel = Kernel(
            Long,
            async pending =>
            {
                await using var registration = pending.Token.Register(cancelled.SetResult);
                await cancelled.Task;
            },
            new FuseSessionOptions { IsEnding = _ => Volatile.Read(ref ending) });
        var unique = kernel.NextUnique();
        var answer = kernel.AskAsync(FuseOpcode.Lookup, 1, FuseTestKernel.Name("x"), unique);
        kernel.Interrupt(unique);
        await kernel.GetAttributesAsync(9);
        Assert.False(answer.IsCompleted);

        Volatile.Write(ref ending, true);

        Assert.Equal(Errno.EINTR, (await answer).Error);
        await cancelled.Task.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Deadline_AnswersIoErrorAndCancels()
    {
        var cancelled = NewSignal();
        await using var kernel = Kernel(TimeSpan.FromMilliseconds(50), async pending =>
        {
            await using var registration = pending.Token.Register(cancelled.SetResult);
            await cancelled.Task;
            pending.Token.ThrowIfCancellationRequested();
        });
        Assert.Equal(Errno.EIO, (await kernel.LookupAsync(1, "x")).Error);
        await cancelled.Task.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        await WaitUntilAsync(() => kernel.Session.GetStatistics().DeadlinesMissed == 1);
        Assert.Equal(0, kernel.Session.GetStatistics().Unexpected);
    }

    [Fact]
    public async Task Exception_BecomesIoError()
    {
        var seen = NewSignal<Exception>();
        await using var kernel = Kernel(
            Long,
            static async _ =>
            {
                await Task.Yield();
                throw new InvalidDataException("spoilt");
            },
            new FuseSessionOptions { OnUnexpected = (_, exception) => seen.TrySetResult(exception) });
        Assert.Equal(Errno.EIO, (await kernel.LookupAsync(1, "x")).Error);
        Assert.Equal("spoilt", (await seen.Task).Message);
        Assert.Equal(1, kernel.Session.GetStatistics().Unexpected);
    }

    [Fact]
    public async Task CancellationNobodyAskedFor_BecomesIoError()
    {
        await using var kernel = Kernel(Long, static _ => throw new OperationCanceledException());
        Assert.Equal(Errno.EIO, (await kernel.LookupAsync(1, "x")).Error);
        Assert.Equal(1, kernel.Session.GetStatistics().Unexpected);
    }

    [Fact]
    public async Task WorkWithoutAnswer_BecomesIoError()
    {
        await using var kernel = Kernel(Long, static _ => Task.CompletedTask);
        Assert.Equal(Errno.EIO, (await kernel.LookupAsync(1, "x")).Error);
    }

    [Fact]
    public async Task SecondAnswer_IsDropped()
    {
        var second = NewSignal<bool>();
        await using var kernel = Kernel(Long, pending =>
        {
            Assert.True(pending.Error(Errno.ENOENT));
            second.SetResult(pending.Done());
            return Task.CompletedTask;
        });
        Assert.Equal(Errno.ENOENT, (await kernel.LookupAsync(1, "x")).Error);
        Assert.False(await second.Task);
        Assert.Empty(kernel.Unwanted);
    }

    [Fact]
    public async Task RacingAnswers_LetOneThrough()
    {
        await using var kernel = Kernel(Long, static pending =>
        {
            var won = 0;
            Parallel.For(0, 8, _ =>
            {
                if (pending.Error(Errno.ENOENT))
                {
                    Interlocked.Increment(ref won);
                }
            });
            Assert.InRange(won, 0, 1); // none when the interrupt came first
            return Task.CompletedTask;
        });
        for (var i = 0; i < 200; i++)
        {
            var unique = kernel.NextUnique();
            var answer = kernel.AskAsync(FuseOpcode.Lookup, 1, FuseTestKernel.Name("x"), unique);
            kernel.Interrupt(unique);
            Assert.Contains((await answer).Error, new[] { Errno.ENOENT, Errno.EINTR });
        }

        Assert.Empty(kernel.Unwanted);
        Assert.Equal(0, kernel.Session.GetStatistics().Unexpected);
    }

    [Fact]
    public async Task ResentRequest_IsAnsweredUnderItsNewIdByTheFirstWork()
    {
        var gate = NewSignal();
        var runs = 0;
        await using var kernel = Kernel(Long, async pending =>
        {
            Interlocked.Increment(ref runs);
            await gate.Task;
            pending.Error(Errno.ENOENT);
        });
        var unique = kernel.NextUnique();
        kernel.Channel.Enqueue(FuseTestKernel.Encode(FuseOpcode.Lookup, unique, 1, FuseTestKernel.Name("x")));
        await WaitUntilAsync(() => Volatile.Read(ref runs) == 1);

        // The kernel from now on knows the request only by the marked id.
        var resent = kernel.AskAsync(FuseOpcode.Lookup, 1, FuseTestKernel.Name("x"), unique | (1ul << 63));
        await kernel.GetAttributesAsync(1);
        gate.SetResult();
        Assert.Equal(Errno.ENOENT, (await resent).Error);
        Assert.Equal(1, runs);
        Assert.Empty(kernel.Unwanted);
    }

    [Fact]
    public async Task ResentRequest_OfAFormerProcess_IsServedAndCanBeInterrupted()
    {
        var started = NewSignal();
        await using var kernel = Kernel(Long, pending =>
        {
            started.TrySetResult();
            return Task.Delay(Timeout.Infinite, pending.Token);
        });
        const ulong Unique = (1ul << 63) | 4712;
        var answer = kernel.AskAsync(FuseOpcode.Lookup, 1, FuseTestKernel.Name("x"), Unique);
        await started.Task;
        kernel.Interrupt(Unique);
        var reply = await answer;
        Assert.Equal((Errno.EINTR, Unique), (reply.Error, reply.Unique));
    }

    private static FuseTestKernel Kernel(TimeSpan deadline, Func<FusePendingRequest, Task> work, FuseSessionOptions? options = null) =>
        new(
            new ScriptedFileSystem
            {
                OnLookup = (in LookupRequest _, FuseReply reply) => reply.Defer(deadline, work, static (pending, work) => work(pending)),
            },
            // One thread, so that requests are taken in order; and whoever is interrupted here is about to die.
            (options ?? new FuseSessionOptions { IsEnding = static _ => true }) with { DispatchThreads = 1 });

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private static TaskCompletionSource<T> NewSignal<T>() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private static async Task WaitUntilAsync(Func<bool> condition)
    {
        for (var i = 0; i < 6000 && !condition(); i++)
        {
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }

        Assert.True(condition());
    }
}
