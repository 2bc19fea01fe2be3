using System.Collections.Concurrent;
using Grpc.Core;
using NixFuseStore.Client.Adding;
using NixFuseStore.Client.Push;
using NixFuseStore.Client.Server;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Tests.Pushing;

public sealed class RegistrationQueueTests
{
    private const int Callers = 8;
    private const int Rounds = 20;

    [Fact]
    public async Task Ready_ByCallersWhoWereAnsweredTogether_GoesInOneCallAgain()
    {
        var calls = new ConcurrentQueue<int>();
        var target = new FakePushTarget { BeforeCall = _ => Task.Delay(20), BeforeRegistration = request => calls.Enqueue(request.Paths.Count) };
        var queue = new RegistrationQueue<Work>(target, TimeSpan.FromSeconds(10), new Owner());
        var running = queue.RunAsync(TestContext.Current.CancellationToken);
        long number = 0;

        // Each comes back a moment after its answer, as clients do.
        await Task.WhenAll(Enumerable.Range(0, Callers).Select(async caller =>
        {
            for (int round = 0; round < Rounds; round++)
            {
                var work = new Work(Interlocked.Increment(ref number), $"{caller}-{round}");
                work.Message = new NewPath { Path = new PathRecord { BaseName = work.Info.Path.BaseName, NarSize = work.Info.NarSize } };
                lock (target.Paths)
                {
                    target.Paths.Add(work.Info.Path.HashPart, work.Message.Path);
                }

                queue.Expect(work);
                queue.Ready(work);
                await work.Answered.Task;
                await Task.Yield();
            }
        }));
        queue.Complete();
        await running;

        Assert.Equal(Callers * Rounds, calls.Sum());
        Assert.InRange(calls.Count, Rounds, Rounds * 2 - Rounds / 2);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Register_OneOfManyMakesEveryCallFail_IsFoundAndTheOthersAreRegistered(bool isJournalled)
    {
        var bad = 13;
        var works = Enumerable.Range(0, 20).Select(i =>
        {
            var name = $"path-{i}";
            var work = new ImportWork(i, Info(name)) { IsJournalled = isJournalled };
            work.Message = new NewPath { Path = new PathRecord { BaseName = work.Info.Path.BaseName, NarSize = 1 } };
            return work;
        }).ToArray();
        var target = new FakePushTarget
        {
            BeforeRegistration = request =>
            {
                if (request.Paths.Any(path => path.Path.BaseName == works[bad].Info.Path.BaseName))
                {
                    throw new StoreClientException("the server failed; its log says why");
                }
            },
        };
        foreach (var work in works)
        {
            target.Paths.Add(work.Info.Path.HashPart, work.Message!.Path);
        }

        var owner = new ImportRegistrations(StoreDirectory.Default, TimeSpan.FromSeconds(20), TimeProvider.System);
        var queue = new RegistrationQueue<ImportWork>(target, TimeSpan.FromMilliseconds(10), owner);
        foreach (var work in works)
        {
            queue.Expect(work);
        }

        foreach (var work in works)
        {
            queue.Ready(work);
        }

        queue.Complete();
        await queue.RunAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);

        Assert.All(works.Where((_, i) => i != bad), work => Assert.True(work.Registered.IsCompletedSuccessfully));
        Assert.Contains("its log says why", works[bad].Registered.Exception!.InnerException!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Register_ServerThatIsFull_KeepsWhatWasAcknowledged()
    {
        var calls = 0;
        var work = new ImportWork(1, Info("kept")) { IsJournalled = true };
        work.Message = new NewPath { Path = new PathRecord { BaseName = work.Info.Path.BaseName, NarSize = 1 } };
        var target = new FakePushTarget
        {
            BeforeRegistration = _ =>
            {
                if (++calls < 4)
                {
                    throw new StoreClientException("full", new RpcException(new Status(StatusCode.ResourceExhausted, "full")));
                }
            },
        };
        target.Paths.Add(work.Info.Path.HashPart, work.Message.Path);
        var owner = new ImportRegistrations(StoreDirectory.Default, TimeSpan.FromSeconds(20), TimeProvider.System);
        var queue = new RegistrationQueue<ImportWork>(target, TimeSpan.FromMilliseconds(10), owner);
        queue.Expect(work);
        queue.Ready(work);
        queue.Complete();

        await queue.RunAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);

        Assert.True(work.Registered.IsCompletedSuccessfully);
    }

    private static PathInfo Info(string name) => new()
    {
        Path = StorePath.Create(NixHash.Sha256(System.Text.Encoding.UTF8.GetBytes(name)).Digest[..20], name),
        NarHash = NixHash.Sha256([]),
        NarSize = 1,
    };

    private sealed class Work(long number, string name) : RegistrationWork(number, Info(name))
    {
        public TaskCompletionSource Answered { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        internal override bool IsUrgent => true;
    }

    private sealed class Owner : IRegistrationOwner<Work>
    {
        public bool IsSettled(Work work) => false;

        public bool Settle(Work work, RegisterPathResult result)
        {
            work.Answered.SetResult();
            return true;
        }

        public bool Fail(Work work, Exception exception, int together)
        {
            work.Answered.SetException(exception);
            return true;
        }
    }
}
