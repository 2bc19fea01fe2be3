namespace NixFuseStore.Cli.Tests;

public sealed class CommandRunnerTests
{
    private static readonly string[] Commands = ["mount", "unmount", "push", "info", "ls", "status", "daemon-config", "prefetch", "verify"];

    [Theory]
    [InlineData(2, "info", "--server", "nonsense", "x")]
    [InlineData(2, "info", "--server", "http://127.0.0.1:9/team", "--store", "other", "x")]
    [InlineData(1, "unmount", "/proc/no-mount-here")]
    [InlineData(1, "verify", "--cache-dir", "/proc/no-cache-here")]
    [InlineData(1, "push", "--from", "/proc/no-store-here", "i9pmrzmpshapij2kin22pff6fc2adavx-x")]
    [InlineData(1, "ls", "--token-file", "/proc/no-token-here")]
    [InlineData(1, "ls", "--token-file", "/etc/passwd")]
    [InlineData(1, "ls", "--tls-ca", "/proc/no-certificate-here")]
    [InlineData(1, "daemon-config", "/proc/no-mount-here")]
    [InlineData(1, "prefetch", "--cache-dir", "/proc/no-cache-here", "x")]
    [InlineData(2, "verify", "--trusted-public-key", "no-key", "--bogus")]
    public async Task Failure_IsOneLineOnStandardError(int status, params string[] args) => await FailAsync(status, args);

    [Theory]
    [InlineData("a command is missing (see nixfuse --help)")]
    [InlineData("there is no command 'bogus' (see nixfuse --help)", "bogus")]
    [InlineData("there is no command 'mout'; near it is mount (see nixfuse --help)", "mout")]
    [InlineData("there is no command 'staus'; near it is status (see nixfuse --help)", "staus", "--json")]
    [InlineData("nixfuse has no option --verison; near it is --version (see nixfuse --help)", "--verison")]
    [InlineData("info has no option --bogus (see nixfuse info --help)", "info", "--bogus", "x")]
    [InlineData("info has no option --sever; near it is --server (see nixfuse info --help)", "info", "--sever=x", "y")]
    [InlineData("status has no option --jsn; near it is --json (see nixfuse status --help)", "status", "--jsn")]
    [InlineData("status has no option -j (see nixfuse status --help)", "status", "-j")]
    [InlineData("push has no option --form; near it is --from (see nixfuse push --help)", "push", "--form", "/", "x")]
    [InlineData("unmount wants MOUNTPOINT (see nixfuse unmount --help)", "unmount")]
    [InlineData("push wants PATH (see nixfuse push --help)", "push")]
    [InlineData("prefetch wants PATH (see nixfuse prefetch --help)", "prefetch", "--cache-dir", "/c")]
    [InlineData("--server wants a value (see nixfuse ls --help)", "ls", "--server")]
    [InlineData("unmount takes no further argument '/b' (see nixfuse unmount --help)", "unmount", "/a", "/b")]
    [InlineData("--json does not take 'maybe' (see nixfuse status --help)", "status", "--json=maybe")]
    [InlineData("--store is given more than once (see nixfuse ls --help)", "ls", "--store", "a", "--store", "b")]
    public async Task WrongUsage_IsOneSentenceOfOurs(string expected, params string[] args) =>
        Assert.Equal("nixfuse: " + expected, await FailAsync(2, args));

    [Fact]
    public async Task WrongUsage_OfEveryCommand_NamesNoTypeAndNoTab()
    {
        foreach (var command in Commands.Where(static command => command != "mount"))
        {
            foreach (var args in (string[][])[[command, "--bogus"], [command, "--json=x"], [command, "--server"], [command, "a", "b", "--", "--c", "--json=3"]])
            {
                var (output, error) = (new StringWriter(), new StringWriter());
                await CommandRunner.RunAsync(args, output, error);
                Assert.DoesNotContain("System.", error.ToString(), StringComparison.Ordinal);
                Assert.DoesNotContain("\t", error.ToString(), StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public async Task Help_OfEveryCommand_IsNoFailure_AndEachIsListed()
    {
        var overview = await RunAsync("--help");
        foreach (var command in Commands)
        {
            Assert.Contains($"  {command} ", overview, StringComparison.Ordinal);
            Assert.Matches($@"Usage:\s+\S+ {command} ", await RunAsync(command, "--help"));
        }
    }

    [Theory]
    [InlineData("whoever")]
    [InlineData("statements about")]
    [InlineData("loses it")]
    public async Task Help_SpeaksPlainly(string phrase)
    {
        foreach (var command in Commands)
        {
            Assert.DoesNotContain(phrase, await RunAsync(command, "--help"), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Version_IsPrinted() => Assert.Matches(@"^\d+\.\d+", await RunAsync("--version"));

    [Fact]
    public async Task ForeignText_CannotActOnATerminal() =>
        Assert.Contains("\\x1b[31m", await FailAsync(2, "ls", "--server", "\u001b[31mred"), StringComparison.Ordinal);

    private static async Task<string> RunAsync(params string[] args)
    {
        var (output, error) = (new StringWriter(), new StringWriter());
        Assert.Equal(0, await CommandRunner.RunAsync(args, output, error));
        Assert.Equal("", error.ToString());
        return output.ToString();
    }

    private static async Task<string> FailAsync(int status, params string[] args)
    {
        var (output, error) = (new StringWriter(), new StringWriter());
        Assert.Equal(status, await CommandRunner.RunAsync(args, output, error));
        Assert.Equal("", output.ToString());
        Assert.StartsWith("nixfuse: ", error.ToString(), StringComparison.Ordinal);
        return Assert.Single(error.ToString().TrimEnd('\n').Split('\n'));
    }
}
