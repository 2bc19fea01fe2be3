using System.Globalization;

namespace NixFuseStore.Client.Tests.Fixtures;

/// <summary>Seeds of random tests: another one each time, told in the test's output and settable by NIXFUSE_TEST_SEED.</summary>
internal static class Seeds
{
    public static int Take()
    {
        var seed = int.TryParse(Environment.GetEnvironmentVariable("NIXFUSE_TEST_SEED"), CultureInfo.InvariantCulture, out var given) ? given : Environment.TickCount;
        TestContext.Current.TestOutputHelper?.WriteLine($"NIXFUSE_TEST_SEED={seed}");
        return seed;
    }
}
