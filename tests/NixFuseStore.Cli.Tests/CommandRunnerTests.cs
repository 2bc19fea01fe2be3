namespace NixFuseStore.Cli.Tests;

public sealed class CommandRunnerTests
{
    [Theory]
    [InlineData(2, "bogus")]
    [InlineData(2, "unmount")]
    [InlineData(2, "info", "--server", "nonsense", "x")]
    [InlineData(1, "unmount", "/proc/no-mount-here")]
    [InlineData(1, "verify", "--cache-dir", "/proc/no-cache-here")]
    [InlineData(2, "push")]
    [InlineData(1, "push", "--from", "/proc/no-store-here", "i9pmrzmpshapij2kin22pff6fc2adavx-x")]
    [InlineData(1, "ls", "--token-file", "/proc/no-token-here")]
    public async Task Failure_IsOneLineOnStandardError(int status, params string[] args)
    {
        var (output, error) = (new StringWriter(), new StringWriter());
        Assert.Equal(status, await CommandRunner.RunAsync(args, output, error));
        Assert.Equal("", output.ToString());
        Assert.StartsWith("nixfuse: ", error.ToString(), StringComparison.Ordinal);
        Assert.Single(error.ToString().TrimEnd('\n').Split('\n'));
    }

    [Fact]
    public async Task Help_IsNoFailure()
    {
        var (output, error) = (new StringWriter(), new StringWriter());
        Assert.Equal(0, await CommandRunner.RunAsync(["mount", "--help"], output, error));
        Assert.Contains("--cache-size", output.ToString(), StringComparison.Ordinal);
        Assert.Equal("", error.ToString());
    }
}
