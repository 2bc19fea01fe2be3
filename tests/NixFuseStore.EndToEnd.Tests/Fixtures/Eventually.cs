using System.Diagnostics;

namespace NixFuseStore.EndToEnd.Tests.Fixtures;

/// <summary>Waits for what happens on its own, with a deadline.</summary>
internal static class Eventually
{
    /// <summary>For what takes a moment, also on a machine that is busy with other things.</summary>
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    private const int TriesMax = 5;

    /// <summary>How long it took; the test fails where it did not happen at all.</summary>
    public static TimeSpan Holds(string what, Func<bool> condition) => Within(Deadline, what, condition);

    /// <summary>How long it took, without the time to look at it; the test fails where it did not happen in time.</summary>
    public static TimeSpan Within(TimeSpan deadline, string what, Func<bool> condition)
    {
        var started = Stopwatch.GetTimestamp();
        while (true)
        {
            var took = Stopwatch.GetElapsedTime(started);
            if (condition())
            {
                return took;
            }

            Assert.True(Stopwatch.GetElapsedTime(started) < deadline, $"{what}: not within {deadline}");
            Thread.Sleep(10);
        }
    }

    /// <summary>
    /// For a promise of time. A machine that is busy with other things may make any one try late, so that the promise counts as kept when one of
    /// a few tries keeps it.
    /// </summary>
    /// <param name="promised">How long it may take.</param>
    /// <param name="attempt">Does it, given the number of the try from 0, and returns how long it took.</param>
    public static void OnceWithin(TimeSpan promised, Func<int, TimeSpan> attempt)
    {
        var times = new List<TimeSpan>();
        while (times.Count < TriesMax)
        {
            times.Add(attempt(times.Count));
            if (times[^1] < promised)
            {
                return;
            }
        }

        Assert.Fail($"not within {promised} in any of {TriesMax} tries: {string.Join(", ", times)}");
    }
}
