using System.Diagnostics;
using System.Globalization;
using NixFuseStore.Cli.Mounting;

namespace NixFuseStore.Cli.Tests.Mounting;

/// <summary>What the process that the user started makes of the one that serves, with a shell in that one's place. Descriptor 3 is its word.</summary>
public sealed class MountLauncherTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("nixfuse-launcher-").FullName;

    private string IdFile => Path.Combine(_folder, "id");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("exec sleep 1000", "has said nothing for 1 s, and was ended")]
    [InlineData("trap '' TERM; while :; do sleep 0.2; done", "has said nothing for 1 s, and was ended")]
    [InlineData("printf 'note half a li' >&3; exec sleep 1000", "has said nothing for 1 s, and was ended")]
    [InlineData("exec 3>&-; exec sleep 1000", "hung at its end")]
    public void SilentProcess_IsEnded_AndTheUserIsTold(string script, string told)
    {
        var (status, error) = Launch(script);

        Assert.Equal(1, status);
        Assert.Contains(told, error, StringComparison.Ordinal);
        Assert.Single(error.TrimEnd().Split('\n'));
        var id = int.Parse(File.ReadAllText(IdFile), CultureInfo.InvariantCulture);
        Assert.False(Directory.Exists(string.Create(CultureInfo.InvariantCulture, $"/proc/{id}")), "it is still there");
    }

    [Theory]
    [InlineData("echo note first >&3; sleep 0.7; echo note second >&3; sleep 0.7; echo ready >&3; sleep 3", 0, "nixfuse: first\nnixfuse: second\n")]
    [InlineData("echo failed 7 no such thing >&3", 7, "nixfuse: no such thing\n")]
    [InlineData("exit 9", 1, "nixfuse: the process that was to serve the mount ended with status 9 without a word\n")]
    public void Word_IsPassedOn(string script, int expected, string told)
    {
        var (status, error) = Launch(script);
        Assert.Equal((expected, told), (status, error));
    }

    private (int Status, string Error) Launch(string script)
    {
        using var error = new StringWriter();
        var started = Stopwatch.GetTimestamp();
        var status = MountLauncher.Launch("/bin/sh", ["-c", $"echo $$ >{IdFile}; {script}"], TimeSpan.FromSeconds(1), error);
        Assert.InRange(Stopwatch.GetElapsedTime(started), TimeSpan.Zero, TimeSpan.FromSeconds(20));
        return (status, error.ToString());
    }
}
