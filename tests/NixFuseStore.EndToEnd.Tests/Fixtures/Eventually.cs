using System.Diagnostics;

namespace NixFuseStore.EndToEnd.Tests.Fixtures;

/// <summary>Waits for what happens on its own, with a deadline.</summary>
internal static class Eventually
{
    /// <summary>The time it took; the test fails where it did not happen in time.</summary>
    public static TimeSpan Within(TimeSpan deadline, string what, Func<bool> condition)
    {
        var started = Stopwatch.GetTimestamp();
        while (!condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(started) < deadline, $"{what}: not within {deadline}");
            Thread.Sleep(10);
        }

        return Stopwatch.GetElapsedTime(started);
    }
}
