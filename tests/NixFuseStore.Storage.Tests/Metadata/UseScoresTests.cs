using NixFuseStore.Storage.Metadata;
using NixFuseStore.Storage.Metadata.Sql;

namespace NixFuseStore.Storage.Tests.Metadata;

public sealed class UseScoresTests
{
    [Fact]
    public void Add_JobsWithoutAChunk_ForgetItAfterFour()
    {
        var scores = new UseScores(10);
        scores.Add(Use(false, new ChunkRun(0, 2), new ChunkRun(5, 1)));
        for (var job = 0; job < UseScores.Gain - 1; job++)
        {
            scores.Add(Use(false, new ChunkRun(0, 1)));
            Assert.Equal([new ChunkRun(0, 2), new ChunkRun(5, 1)], scores.Used());
        }

        scores.Add(Use(false, new ChunkRun(0, 1)));
        Assert.Equal([new ChunkRun(0, 1)], scores.Used());
    }

    [Fact]
    public void Add_ChunkThatEveryFourthJobReads_Stays()
    {
        var scores = new UseScores(2);
        for (var job = 0; job < 200; job++)
        {
            scores.Add(Use(false, new ChunkRun(0, job % 4 == 0 ? 2 : 1)));
            Assert.Equal([new ChunkRun(0, 2)], scores.Used());
        }
    }

    [Fact]
    public void Add_Continued_TakesNothingAway()
    {
        var scores = new UseScores(100);
        scores.Add(Use(false, new ChunkRun(1, 1)));
        for (var more = 0; more < 50; more++)
        {
            scores.Add(Use(true, new ChunkRun(3 + more, 1)));
        }

        Assert.Equal([new ChunkRun(1, 1), new ChunkRun(3, 50)], scores.Used());
    }

    [Fact]
    public void Add_OrdinalsThatAreNotThere_ArePassedOver()
    {
        var scores = new UseScores(4);
        scores.Add(Use(false, new ChunkRun(2, int.MaxValue - 2), new ChunkRun(int.MaxValue - 1, 1)));
        Assert.Equal([new ChunkRun(2, 2)], scores.Used());
    }

    [Fact]
    public void ToRow_RandomScores_ReadBackAlikeWhereverItIsCut()
    {
        var random = new Random(5);
        for (var i = 0; i < 300; i++)
        {
            var count = random.Next(1, 2_000);
            var scores = new UseScores(count);
            for (var job = 0; job < 6; job++)
            {
                var first = random.Next(count);
                scores.Add(Use(random.Next(2) == 0, new ChunkRun(first, random.Next(1, count))));
            }

            var row = scores.ToRow();
            Assert.Equal(scores.Used(), new UseScores(count, row).Used());
            Assert.Equal(row, new UseScores(count, row).ToRow());

            // Broken rows are hints all the same.
            for (var length = 0; length < row.Length; length++)
            {
                Assert.All(new UseScores(count, row.AsSpan(0, length)).Used(), run => Assert.InRange(run.First + run.Count, 1, count));
            }

            random.NextBytes(row);
            Assert.All(new UseScores(count, row).Used(), run => Assert.InRange(run.First + run.Count, 1, count));
        }
    }

    private static ChunkUse Use(bool continued, params ChunkRun[] runs) => new(default, runs, continued);
}
