using NixFuseStore.Builds.Probe;

namespace NixFuseStore.Builds.Tests;

/// <summary>What a builder that looks around may find, and what shows that the sandbox lets the host in.</summary>
public sealed class SandboxProbeTests
{
    private const string Output = "/nix/store/00000000000000000000000000000001-probe";

    private static readonly string[] s_closed =
    [
        $"store {Output}", "process /proc/1", "network Inter-|   Receive", "network  face |bytes", "network lo:       0", "user 1000 1313210368 1", "end",
    ];

    [Fact]
    public void Closed_LeaksNothing() => Assert.Empty(Read(s_closed));

    [Theory]
    [InlineData("host /home", "the host's /home")]
    [InlineData("store /nix/store/other", "/nix/store/other")]
    [InlineData("network eth0: 12 3", "interface eth0")]
    [InlineData("user 0 0 4294967295", "user of the host")]
    [InlineData("user 1000 1001 1", "user of the host")]
    public void OneLeak_IsNamed(string line, string named) => Assert.Contains(named, Assert.Single(Read([line, .. s_closed])), StringComparison.Ordinal);

    [Fact]
    public void ProcessesOfTheHost_AreALeak() =>
        Assert.Equal("the host's processes", Assert.Single(Read([.. Enumerable.Range(2, 50).Select(static id => $"process /proc/{id}"), .. s_closed])));

    [Fact]
    public void WithoutItsEnd_ItProvesNothing()
    {
        Assert.Throws<FormatException>(() => Read([]));
        Assert.Throws<FormatException>(() => Read(s_closed[..^1]));
    }

    [Fact]
    public async Task Shell_OfThisHost_WithItsLibraries()
    {
        var shell = await ProbeShell.FindAsync(TestContext.Current.CancellationToken);
        Assert.NotNull(shell);
        Assert.StartsWith("/bin/sh=/", shell.SandboxPaths[0], StringComparison.Ordinal);
        Assert.All(shell.SandboxPaths, static path => Assert.True(File.Exists(path[(path.IndexOf('=', StringComparison.Ordinal) + 1)..])));
        Assert.Equal(
            ["/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2"],
            ProbeShell.Parse("\tlinux-vdso.so.1 (0x7ffd)\n\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x7f15)\n\t/lib64/ld-linux-x86-64.so.2 (0x7f16)\n"));
    }

    private static IReadOnlyList<string> Read(IReadOnlyCollection<string> lines) => ProbeFindings.Read(lines, Output, leastUser: 1313210368).Leaks;
}
