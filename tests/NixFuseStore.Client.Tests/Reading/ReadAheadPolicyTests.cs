using NixFuseStore.Client.Reading;

namespace NixFuseStore.Client.Tests.Reading;

public sealed class ReadAheadPolicyTests
{
    private const long KiB = 1 << 10;
    private const long MiB = 1 << 20;
    private readonly ReadAheadPolicy _policy = new(new ReadAheadOptions());
    private readonly ReadAheadState _state = new();

    [Fact]
    public void Plan_SequentialReader_StaysAheadAndAsksForNothingTwice()
    {
        var stream = 64 * MiB;
        var asked = 0L;
        for (var at = 0L; at < stream; at += 128 * KiB)
        {
            var plan = Plan(at, at + (128 * KiB), 0, stream, missed: at >= asked, stream: stream);
            if (!plan.IsEmpty)
            {
                Assert.True(plan.Start >= asked || at == 0, "asked for twice");
                asked = plan.End;
            }

            if (at > 2 * MiB)
            {
                Assert.True(asked >= Math.Min(stream, at + (256 * KiB)), $"nothing ahead at {at}");
            }

            Assert.InRange(asked - at, 0, 9 * MiB);
        }
    }

    [Fact]
    public void Plan_SequentialOverSmallFiles_RunsAheadAcrossThem()
    {
        var ahead = 0L;
        for (var file = 0L; file < 200; file++)
        {
            var start = file * 10 * KiB;
            var plan = Plan(start, start + (10 * KiB), start, start + (10 * KiB), missed: start >= ahead, stream: 4 * MiB);
            ahead = Math.Max(ahead, plan.End);
        }

        Assert.True(ahead > 200 * 10 * KiB);
    }

    [Fact]
    public void Plan_MissInSmallFile_TakesTheFileAndItsNeighbours()
    {
        var plan = _policy.Plan(_state, new ReadAccess(500 * KiB, 504 * KiB, 490 * KiB, 520 * KiB, 400 * KiB, 2 * MiB, true), 512 * KiB, 8 * MiB);

        Assert.True(plan.Start <= 490 * KiB && plan.End >= 520 * KiB);
        Assert.True(plan.Start >= 400 * KiB && plan.End <= 2 * MiB);
        Assert.InRange(plan.End - plan.Start, 400 * KiB, 600 * KiB);
    }

    [Fact]
    public void Plan_MissInBigFile_TakesAModestPieceAround()
    {
        var plan = Plan(10 * MiB, (10 * MiB) + (64 * KiB), 0, 100 * MiB, missed: true, stream: 100 * MiB);

        Assert.True(plan.Start < 10 * MiB && plan.End > (10 * MiB) + (64 * KiB));
        Assert.InRange(plan.End - plan.Start, 64 * KiB, 512 * KiB);
    }

    [Fact]
    public void Plan_HitAtRandomPlace_FetchesNothing()
    {
        Assert.True(Plan(10 * MiB, (10 * MiB) + (64 * KiB), 0, 100 * MiB, missed: false, stream: 100 * MiB).IsEmpty);
    }

    [Fact]
    public void Plan_ReadAheadThatIsUsed_Grows()
    {
        var first = Miss(0);
        for (var i = 1; i < 8; i++)
        {
            _state.OnFetched(first);
            _state.OnUsed(first);
            Miss(i);
        }

        Assert.True(Miss(9) >= 4 * first);
    }

    [Fact]
    public void Plan_ReadAheadThatIsWasted_Shrinks()
    {
        var sizes = new List<long>();
        for (var i = 0; i < 10; i++)
        {
            sizes.Add(Miss(i));
            _state.OnFetched(MiB);
        }

        Assert.True(sizes[^1] <= sizes[0]);
        Assert.InRange(sizes[^1], 0, 512 * KiB);
    }

    [Fact]
    public void Plan_RandomAccesses_AlwaysLieInTheStream()
    {
        var seed = Environment.TickCount;
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        for (var i = 0; i < 20_000; i++)
        {
            var stream = random.NextInt64(1, 40 * MiB);
            var fileStart = random.NextInt64(stream);
            var fileEnd = random.NextInt64(fileStart + 1, stream + 1);
            var start = random.NextInt64(fileStart, fileEnd);
            var end = random.NextInt64(start + 1, fileEnd + 1);
            var near = random.NextInt64(fileStart + 1);
            var access = new ReadAccess(start, end, fileStart, fileEnd, near, random.NextInt64(fileEnd, stream + 1), random.Next(2) == 0);
            var state = new ReadAheadState();
            for (var j = 0; j < 3; j++)
            {
                var plan = _policy.Plan(state, in access, random.NextInt64(8 * MiB), stream);
                Assert.True(plan.IsEmpty || (plan.Start >= 0 && plan.End <= stream), $"{access} in {stream}: {plan}");
            }
        }
    }

    private long Miss(int i)
    {
        var at = (i * 20 * MiB) + MiB;
        var plan = Plan(at, at + (64 * KiB), 0, 500 * MiB, missed: true, stream: 500 * MiB);
        return plan.End - plan.Start;
    }

    private ReadAheadRange Plan(long start, long end, long fileStart, long fileEnd, bool missed, long stream) =>
        _policy.Plan(_state, new ReadAccess(start, end, fileStart, fileEnd, 0, stream, missed), MiB, stream);
}
