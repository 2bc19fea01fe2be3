using NixFuseStore.Fuse.Channels;
using NixFuseStore.Fuse.Kernel;
using NixFuseStore.Fuse.Replies;
using NixFuseStore.Fuse.Requests;
using NixFuseStore.Fuse.Sessions;
using NixFuseStore.Native.Linux;
using NixFuseStore.Testing.Fuse;

namespace NixFuseStore.Fuse.Tests.Sessions;

public sealed class FuseSessionTests
{
    /// <summary>Requests are then taken in order, and one that was answered means that those before it were taken.</summary>
    private static readonly FuseSessionOptions OneThread = new() { DispatchThreads = 1 };

    [Fact]
    public async Task Exception_OnTheDispatchThread_BecomesIoErrorAndTheSessionLives()
    {
        var names = new List<string>();
        await using var kernel = new FuseTestKernel(
            new ScriptedFileSystem { OnLookup = static (in LookupRequest _, FuseReply _) => throw new InvalidDataException("spoilt") },
            new FuseSessionOptions { OnUnexpected = (name, _) => names.Add(name), DispatchThreads = 1 });
        Assert.Equal(Errno.EIO, (await kernel.LookupAsync(1, "x")).Error);
        Assert.Equal(Errno.None, (await kernel.GetAttributesAsync(1)).Error);
        Assert.Equal(["LOOKUP"], names);
    }

    [Fact]
    public async Task Exception_AfterTheAnswer_ChangesNothing()
    {
        await using var kernel = new FuseTestKernel(new ScriptedFileSystem
        {
            OnLookup = static (in LookupRequest _, FuseReply reply) =>
            {
                reply.Error(Errno.ENOENT);
                throw new InvalidDataException("late");
            },
        }, OneThread);
        Assert.Equal(Errno.ENOENT, (await kernel.LookupAsync(1, "x")).Error);
        await kernel.GetAttributesAsync(1);
        Assert.Empty(kernel.Unwanted);
    }

    [Fact]
    public async Task Exception_InForget_IsReportedAndAnsweredByNothing()
    {
        var seen = new TaskCompletionSource<string>();
        await using var kernel = new FuseTestKernel(
            new ScriptedFileSystem { OnForget = static _ => throw new InvalidDataException("spoilt") },
            OneThread with { OnUnexpected = (name, _) => seen.SetResult(name) });
        kernel.Tell(FuseOpcode.Forget, 5, new byte[8]);
        Assert.Equal("FORGET", await seen.Task.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken));
        await kernel.GetAttributesAsync(1);
        Assert.Empty(kernel.Unwanted);
    }

    [Fact]
    public async Task Silence_BecomesIoError()
    {
        await using var kernel = new FuseTestKernel(new ScriptedFileSystem { OnLookup = static (in LookupRequest _, FuseReply _) => { } });
        Assert.Equal(Errno.EIO, (await kernel.LookupAsync(1, "x")).Error);
    }

    [Fact]
    public async Task SecondAnswer_IsDropped()
    {
        var second = true;
        await using var kernel = new FuseTestKernel(new ScriptedFileSystem
        {
            OnLookup = (in LookupRequest _, FuseReply reply) =>
            {
                Assert.True(reply.Error(Errno.ENOENT));
                second = reply.Done();
            },
        }, OneThread);
        Assert.Equal(Errno.ENOENT, (await kernel.LookupAsync(1, "x")).Error);
        await kernel.GetAttributesAsync(1);
        Assert.False(second);
        Assert.Empty(kernel.Unwanted);
        Assert.Equal(1, kernel.Session.GetStatistics().AnswersDropped);
    }

    [Fact]
    public async Task Deferring_AfterTheAnswer_IsAnErrorOfTheFileSystem()
    {
        await using var kernel = new FuseTestKernel(new ScriptedFileSystem
        {
            OnLookup = static (in LookupRequest _, FuseReply reply) =>
            {
                reply.Error(Errno.ENOENT);
                reply.Defer(Timeout.InfiniteTimeSpan, 0, static (_, _) => throw new InvalidOperationException("must not run"));
            },
        }, OneThread);
        Assert.Equal(Errno.ENOENT, (await kernel.LookupAsync(1, "x")).Error);
        await kernel.GetAttributesAsync(1);
        Assert.Equal(1, kernel.Session.GetStatistics().Unexpected);
    }

    [Theory]
    [InlineData(Errno.None)]
    [InlineData(Errno.ENOENT)]
    public async Task Data_GivesItsLeaseBack_WhetherOrNotItWasTaken(Errno outcome)
    {
        var lease = new Lease();
        var fileSystem = new ScriptedFileSystem
        {
            OnRead = (in ReadRequest _, FuseReply reply) => Answer(reply, lease),
        };
        var written = new TaskCompletionSource<byte[]>();
        using var channel = new MemoryFuseChannel();
        channel.OnWrite = message =>
        {
            Assert.Equal(0, lease.Disposals); // not while the kernel may still read
            written.TrySetResult(message);
            return outcome;
        };
        var session = new FuseSession(channel, fileSystem);
        session.Start();
        channel.Enqueue(FuseTestKernel.Encode(FuseOpcode.Read, 2, 1, FuseTestKernel.ReadArgument(0, 10)));
        Assert.Equal("abcdef"u8.ToArray(), (await written.Task)[16..]);
        channel.End(FuseReadOutcome.Unmounted);
        Assert.Equal(FuseSessionEnd.Unmounted, await session.Completion);
        Assert.Equal(1, lease.Disposals);

        static unsafe void Answer(FuseReply reply, Lease lease)
        {
            fixed (byte* first = "abc"u8, second = "def"u8)
            {
                reply.Data([new IoVector(first, 3), new IoVector(second, 3)], lease);
            }
        }
    }

    [Fact]
    public async Task TooManySegments_BecomeIoError()
    {
        await using var kernel = new FuseTestKernel(new ScriptedFileSystem
        {
            OnRead = static (in ReadRequest _, FuseReply reply) => reply.Data(new IoVector[FuseLimits.SegmentsMax + 1], null),
        });
        Assert.Equal(Errno.EIO, (await kernel.ReadAsync(1, 0, 10)).Error);
    }

    [Theory]
    [InlineData(FuseReadOutcome.Unmounted, FuseSessionEnd.Unmounted)]
    [InlineData(FuseReadOutcome.Aborted, FuseSessionEnd.Aborted)]
    public async Task EndOfTheLine_EndsTheSession(FuseReadOutcome outcome, FuseSessionEnd expected)
    {
        await using var kernel = new FuseTestKernel(new ScriptedFileSystem());
        await kernel.GetAttributesAsync(1);
        kernel.Channel.End(outcome);
        Assert.Equal(expected, await kernel.Session.Completion.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Stop_LetsPendingRequestsEnd()
    {
        var gate = new TaskCompletionSource();
        await using var kernel = Waiting(async pending =>
        {
            await gate.Task;
            pending.Error(Errno.ENOENT);
        });
        var answer = kernel.LookupAsync(1, "x");
        await kernel.GetAttributesAsync(1);
        var stop = kernel.Session.StopAsync(TimeSpan.FromMinutes(1));
        Assert.False(stop.IsCompleted);
        gate.SetResult();
        await stop.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        Assert.Equal(Errno.ENOENT, (await answer).Error);
    }

    [Fact]
    public async Task Stop_AnswersWhatDoesNotEndInTime()
    {
        var cancelled = new TaskCompletionSource();
        await using var kernel = Waiting(async pending =>
        {
            await using var registration = pending.Token.Register(cancelled.SetResult);
            await Task.Delay(Timeout.Infinite, pending.Token);
        });
        var answer = kernel.LookupAsync(1, "x");
        await kernel.GetAttributesAsync(1);
        await kernel.Session.StopAsync(TimeSpan.FromMilliseconds(20));
        Assert.Equal(Errno.EIO, (await answer).Error);
        await cancelled.Task.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        Assert.Equal(FuseSessionEnd.Stopped, await kernel.Session.Completion);
        Assert.Equal(0, kernel.Session.GetStatistics().InFlight);
    }

    [Fact]
    public async Task Stop_ForASuccessor_LeavesTheRestUnanswered()
    {
        var release = new TaskCompletionSource<bool>();
        var answered = new TaskCompletionSource<bool>();
        await using var kernel = Waiting(async pending =>
        {
            await release.Task;
            answered.SetResult(pending.Error(Errno.ENOENT));
        });
        var answer = kernel.LookupAsync(1, "x");
        await kernel.GetAttributesAsync(1);
        await kernel.Session.StopAsync(TimeSpan.Zero, leaveUnanswered: true);
        release.SetResult(true);
        Assert.False(await answered.Task);
        Assert.False(answer.IsCompleted);
    }

    [Fact]
    public async Task Stop_BeforeStart_IsFine()
    {
        using var channel = new MemoryFuseChannel();
        var session = new FuseSession(channel, new ScriptedFileSystem());
        await session.StopAsync(TimeSpan.Zero);
        Assert.Equal(FuseSessionEnd.Stopped, await session.Completion);
        Assert.Throws<InvalidOperationException>(session.Start);
    }

    [Fact]
    public async Task BrokenLine_FailsTheSession()
    {
        using var channel = new BrokenChannel();
        var session = new FuseSession(channel, new ScriptedFileSystem());
        session.Start();
        var exception = await Assert.ThrowsAsync<LinuxException>(
            () => session.Completion.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken));
        Assert.Equal("read /dev/fuse: Bad file descriptor", exception.Message);
    }

    [Fact]
    public async Task Statistics_CountByOpcode()
    {
        await using var kernel = new FuseTestKernel(new ScriptedFileSystem(), OneThread);
        await kernel.GetAttributesAsync(1);
        await kernel.GetAttributesAsync(2);
        await kernel.LookupAsync(1, "absent");
        await kernel.ReadLinkAsync(1);
        await kernel.AskAsync((FuseOpcode)4000, 1);

        var statistics = kernel.Session.GetStatistics();
        Assert.Equal(5, statistics.Total);
        Assert.Equal(2, statistics.Requests[FuseOpcode.GetAttr]);
        Assert.Equal(1, statistics.Requests[FuseOpcode.Lookup]);
        Assert.Equal(1, statistics.Requests[0]);
        Assert.Equal(1, statistics.Errors); // EINVAL from READLINK; an absent name is none
    }

    private static FuseTestKernel Waiting(Func<FusePendingRequest, Task> work) => new(
        new ScriptedFileSystem
        {
            OnLookup = (in LookupRequest _, FuseReply reply) => reply.Defer(Timeout.InfiniteTimeSpan, work, static (pending, work) => work(pending)),
        },
        OneThread);

    private sealed class Lease : IDisposable
    {
        public int Disposals { get; private set; }

        public void Dispose() => Disposals++;
    }

    private sealed class BrokenChannel : IFuseChannel, IFuseChannelReader
    {
        public IFuseChannelReader OpenReader() => this;

        public FuseReadOutcome Read(Span<byte> buffer, out int bytes) => throw new LinuxException("read /dev/fuse", Errno.EBADF);

        public Errno Write(ReadOnlySpan<IoVector> message) => Errno.EBADF;

        public void StopReaders()
        {
        }

        public void Dispose()
        {
        }
    }
}
