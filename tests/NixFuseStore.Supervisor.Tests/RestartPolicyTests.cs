using NixFuseStore.Supervisor.Workers;

namespace NixFuseStore.Supervisor.Tests;

public sealed class RestartPolicyTests
{
    private static readonly TimeSpan Short = TimeSpan.FromSeconds(1);

    private readonly RestartPolicy _policy = new();

    [Fact]
    public void FiveInARow_ThatServedNothing_AreTheLast()
    {
        var pauses = Enumerable.Range(0, RestartPolicy.FailuresMax).Select(_ => _policy.OnEnded(hasServed: false, Short)).ToArray();
        Assert.Equal([0, 200, 400, 800], pauses[..^1].Select(static pause => (int)pause!.Value.TotalMilliseconds));
        Assert.Null(pauses[^1]);
    }

    [Theory]
    [InlineData(true, 1)]
    [InlineData(false, 10)]
    public void OneThatServed_OrRanForAWhile_BeginsTheRowAnew(bool hasServed, int seconds)
    {
        for (var i = 0; i < 100; i++)
        {
            Assert.NotNull(_policy.OnEnded(hasServed: false, Short));
            Assert.NotNull(_policy.OnEnded(hasServed: false, Short));
            Assert.Equal(TimeSpan.Zero, _policy.OnEnded(hasServed, TimeSpan.FromSeconds(seconds)));
        }
    }
}
