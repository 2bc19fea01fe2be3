using System.Diagnostics;
using Xunit;

namespace NixFuseStore.Server.Tests.Samples;

internal static class Eventually
{
    /// <summary>Fails unless the condition comes to hold within the time.</summary>
    public static async Task HoldsAsync(Func<Task<bool>> condition, int milliseconds = 3_000)
    {
        var watch = Stopwatch.StartNew();
        while (!await condition())
        {
            Assert.True(watch.ElapsedMilliseconds < milliseconds, $"did not hold within {milliseconds} ms");
            await Task.Delay(20, TestServer.Cancellation);
        }
    }
}
