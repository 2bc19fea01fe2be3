using System.Runtime.InteropServices;
using NixFuseStore.Supervisor.Workers;

namespace NixFuseStore.Supervisor.Tests;

/// <summary>Lines as /proc shows them (proc(5)), of x86-64.</summary>
public sealed class DeviceUseTests
{
    [Theory]
    [InlineData("running", true)]
    [InlineData("0 0x5 0x7f3628001000 0x10000 0x0 0x0 0x0 0x7ffd 0x7f36", true)] // read
    [InlineData("20 0x5 0x7f3628001000 0x2 0x0 0x0 0x0 0x7ffd 0x7f36", false)] // writev
    [InlineData("0 0x6 0x7f3628001000 0x10000 0x0 0x0 0x0 0x7ffd 0x7f36", false)] // read of something else
    [InlineData("262 0x5 0x7f36 0x7f36 0x0 0x0 0x0 0x7ffd 0x7f36", false)] // newfstatat
    [InlineData("202 0x179b7fa0 0x189 0x0 0x0 0x0 0x0 0x7ffd 0x7f36", false)] // futex
    [InlineData("-1 0x7ffd 0x7f36", false)]
    [InlineData("", false)]
    public void Line_TellsOfACallOnTheDevice(string line, bool expected)
    {
        Assert.SkipUnless(RuntimeInformation.ProcessArchitecture == Architecture.X64, "numbers of x86-64");
        Assert.Equal(expected, DeviceUse.IsInside(line, new HashSet<string> { "5" }));
    }

    [Fact]
    public void ProcessThatHasEnded_IsNotInside() => Assert.False(DeviceUse.IsInside("/proc/4194305"));

    [Fact]
    public void ProcessWithoutAMount_IsNotInside()
    {
        using var sleep = System.Diagnostics.Process.Start("sleep", ["60"]);
        try
        {
            Assert.True(SpinWait.SpinUntil(() => DeviceUse.IsInside($"/proc/{sleep.Id}") == false, TimeSpan.FromSeconds(10)));
        }
        finally
        {
            sleep.Kill();
            sleep.WaitForExit();
        }
    }
}
