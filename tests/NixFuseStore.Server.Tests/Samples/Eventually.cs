using System.Diagnostics;
using Xunit;

namespace NixFuseStore.Server.Tests.Samples;

internal static class Eventually
{
    /// <summary>For what takes a moment, also on a machine that is busy with other things.</summary>
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    private const int TriesMax = 5;

    /// <summary>Fails unless the condition comes to hold; returns how long that took.</summary>
    public static async Task<TimeSpan> HoldsAsync(Func<Task<bool>> condition)
    {
        var watch = Stopwatch.StartNew();
        while (!await condition())
        {
            Assert.True(watch.Elapsed < Deadline, $"did not hold within {Deadline}");
            await Task.Delay(20, TestServer.Cancellation);
        }

        return watch.Elapsed;
    }

    /// <summary>
    /// For a promise of time. A machine that is busy with other things may make any one try late, so that the promise counts as kept when one of
    /// a few tries keeps it.
    /// </summary>
    public static async Task OnceWithinAsync(TimeSpan promised, Func<Task<TimeSpan>> attempt)
    {
        var times = new List<TimeSpan>();
        while (times.Count < TriesMax)
        {
            times.Add(await attempt());
            if (times[^1] < promised)
            {
                return;
            }
        }

        Assert.Fail($"not within {promised} in any of {TriesMax} tries: {string.Join(", ", times)}");
    }
}
