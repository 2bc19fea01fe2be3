using NixFuseStore.Client.ReadAhead;



namespace NixFuseStore.Client.Tests.Reading;

public sealed class ReadAheadPolicyTests
{
    private const long KiB = 1 << 10;
    private const long MiB = 1 << 20;
    private static readonly ReadAheadLink Link = new(MiB, 0.2);
    private readonly ReadAheadPolicy _policy = new(new ReadAheadOptions(), new PrefetchHitRates());
    private readonly ReadAheadState _state = new();

    [Fact]
    public void Plan_SequentialReader_StaysAheadAndAsksForNothingTwice()
    {
        var stream = 64 * MiB;
        var asked = 0L;
        var sequential = 0L;
        for (var at = 0L; at < stream; at += 128 * KiB)
        {
            var plan = Plan(at, at + (128 * KiB), 0, stream, missed: at >= asked, stream: stream);
            if (!plan.IsEmpty)
            {
                Assert.True(plan.Kind != ReadAheadKind.Sequential || plan.Start >= sequential, "asked for twice");
                sequential = plan.Kind == ReadAheadKind.Sequential ? plan.End : sequential;
                asked = Math.Max(asked, plan.End);
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
        var plan = _policy.Plan(_state, new ReadAccess(500 * KiB, 504 * KiB, 490 * KiB, 520 * KiB, 400 * KiB, 2 * MiB, true), Link, 8 * MiB);

        Assert.True(plan.Start <= 490 * KiB && plan.End >= 520 * KiB);
        Assert.True(plan.Start >= 400 * KiB && plan.End <= 2 * MiB);
        Assert.InRange(plan.End - plan.Start, 100 * KiB, 600 * KiB);
    }

    [Fact]
    public void Plan_MissInBigFile_TakesAModestPieceAround()
    {
        var plan = Plan(10 * MiB, (10 * MiB) + (64 * KiB), 0, 100 * MiB, missed: true, stream: 100 * MiB);

        Assert.True(plan.Start < 10 * MiB && plan.End > (10 * MiB) + (64 * KiB));
        Assert.InRange(plan.End - plan.Start, 256 * KiB, 2 * MiB);
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
            Fetched(first);
            _policy.OnUsed(_state, ReadAheadKind.Around, 0, first);
            Miss(i);
        }

        Assert.True(Miss(9) >= 3 * first);
    }

    [Fact]
    public void Plan_ReadAheadThatIsWasted_ShrinksThereAndElsewhere()
    {
        var sizes = new List<long>();
        for (var i = 0; i < 10; i++)
        {
            sizes.Add(Miss(i));
            Fetched(2 * MiB);
        }

        Assert.InRange(sizes[^1], 0, 512 * KiB);
        var other = _policy.Plan(new ReadAheadState(), new ReadAccess(MiB, MiB + KiB, 0, 9 * MiB, 0, 9 * MiB, true), Link, 9 * MiB);
        Assert.InRange(other.End - other.Start, 0, 512 * KiB);
    }

    [Fact]
    public void Plan_ThinLink_DemandsMoreOfReadAhead()
    {
        // A third of it is read: not worth it where a read takes as long on the wire as a round trip, well worth it on a fat link.
        var (thin, fat) = (new ReadAheadState(), new ReadAheadState());
        foreach (var state in new[] { thin, fat })
        {
            _policy.OnFetched(state, ReadAheadKind.Around, 0, 9 * MiB);
            _policy.OnUsed(state, ReadAheadKind.Around, 0, 3 * MiB);
        }

        long Window(ReadAheadState state, double worth)
        {
            var last = default(ReadAheadRange);
            for (var i = 0; i < 5; i++)
            {
                var at = (i * 20 * MiB) + (10 * MiB);
                last = _policy.Plan(state, new ReadAccess(at, at + KiB, 0, 200 * MiB, 0, 200 * MiB, true), new ReadAheadLink(MiB, worth), 200 * MiB);
            }

            return last.End - last.Start;
        }

        Assert.True(Window(fat, 0.04) >= 8 * Window(thin, 0.5));
    }

    [Fact]
    public void Plan_HalfSequential_NeverRunsBeyondTheBigFile()
    {
        var end = 0L;
        for (var at = 0L; at < 4 * MiB; at += 128 * KiB)
        {
            var plan = Plan(at, at + (128 * KiB), 0, 4 * MiB, missed: at >= end, stream: 64 * MiB);
            end = Math.Max(end, plan.End);
        }

        Assert.Equal(4 * MiB, end);
    }

    [Fact]
    public void Plan_WholeBigFilesInARow_RunsAheadIntoTheNextOneAndBeyondTheStream()
    {
        const int Files = 5;
        var (ahead, beyond, waits) = (0L, 0L, 0);
        for (var at = 0L; at < Files * 2 * MiB; at += 128 * KiB)
        {
            var file = at / (2 * MiB) * 2 * MiB;
            var missed = at >= ahead;
            waits += missed && at >= 4 * MiB ? 1 : 0;
            var plan = Plan(at, at + (128 * KiB), file, file + (2 * MiB), missed, Files * 2 * MiB);
            ahead = Math.Max(ahead, plan.End);
            beyond = Math.Max(beyond, plan.Beyond);
        }

        Assert.Equal(0, waits);
        Assert.InRange(beyond, 4 * MiB, 8 * MiB);
    }

    [Fact]
    public void Plan_PartsOfBigFilesInARow_StaysWithinTheFile()
    {
        for (var file = 0L; file < 20 * MiB; file += 2 * MiB)
        {
            // All but the first half, which programs that look for an index at the end do.
            for (var at = file + MiB; at < file + (2 * MiB); at += 128 * KiB)
            {
                var plan = Plan(at, at + (128 * KiB), file, file + (2 * MiB), missed: true, stream: 20 * MiB);
                Assert.True(plan.IsEmpty || plan.End <= file + (2 * MiB), "read ahead into a file that nobody may want");
                Assert.Equal(0, plan.Beyond);
            }
        }
    }

    [Fact]
    public void Plan_RequestsOfTheKernelThatOvertakeEachOther_AreStillSequential()
    {
        var sequential = false;
        for (var at = 0L; at < 8 * MiB; at += 256 * KiB)
        {
            foreach (var start in new[] { at + (128 * KiB), at })
            {
                sequential |= Plan(start, start + (128 * KiB), 0, 8 * MiB, missed: false, stream: 8 * MiB).Kind == ReadAheadKind.Sequential;
            }
        }

        Assert.True(sequential);
    }

    [Fact]
    public void Enter_BeforeTheReaderComes_IsAskedForOnceAndGoneOnFrom()
    {
        Assert.Equal(new ReadAheadRange(0, MiB, ReadAheadKind.NextPath), _policy.Enter(_state, MiB, 9 * MiB));
        Assert.Equal(new ReadAheadRange(MiB, 2 * MiB, ReadAheadKind.NextPath), _policy.Enter(_state, 2 * MiB, 9 * MiB));
        Assert.True(_policy.Enter(_state, 2 * MiB, 9 * MiB).IsEmpty);

        var ahead = 2 * MiB;
        for (var at = 0L; at < 9 * MiB; at += 128 * KiB)
        {
            var plan = Plan(at, at + (128 * KiB), 0, 9 * MiB, missed: false, stream: 9 * MiB);
            Assert.True(plan.IsEmpty || plan.Start >= ahead, "asked for twice");
            ahead = Math.Max(ahead, plan.End);
            Assert.True(ahead > at, $"nothing ahead at {at}");
        }
    }

    [Fact]
    public void Plan_NextPathsThatNobodyRead_AreNoLongerFetched()
    {
        long Beyond()
        {
            var state = new ReadAheadState();
            var beyond = 0L;
            for (var file = 0L; file < 4 * MiB; file += 100 * KiB)
            {
                beyond = _policy.Plan(state, new ReadAccess(file, file + (100 * KiB), file, file + (100 * KiB), 0, 4 * MiB, false), Link, 4 * MiB).Beyond;
            }

            return beyond;
        }

        Assert.True(Beyond() > 0);
        for (var i = 0; i < 8; i++)
        {
            _policy.OnFetched(_state, ReadAheadKind.NextPath, 0, 8 * MiB);
        }

        Assert.Equal(0, Beyond());
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
                var plan = _policy.Plan(state, in access, new ReadAheadLink(random.NextInt64(8 * MiB), random.NextDouble()), stream);
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

    private void Fetched(long bytes) => _policy.OnFetched(_state, ReadAheadKind.Around, 0, bytes);

    private ReadAheadRange Plan(long start, long end, long fileStart, long fileEnd, bool missed, long stream) =>
        _policy.Plan(_state, new ReadAccess(start, end, fileStart, fileEnd, 0, stream, missed), Link, stream);
}
