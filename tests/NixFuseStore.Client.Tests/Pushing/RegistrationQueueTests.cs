using System.Collections.Concurrent;
using NixFuseStore.Client.Pushing;
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

    private sealed class Work(long number, string name) : RegistrationWork(number, new PathInfo
    {
        Path = StorePath.Create(NixHash.Sha256(System.Text.Encoding.UTF8.GetBytes(name)).Digest[..20], name),
        NarHash = NixHash.Sha256([]),
        NarSize = 1,
    })
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

        public bool Fail(Work work, Exception exception)
        {
            work.Answered.SetException(exception);
            return true;
        }
    }
}
