using System.Text;
using NixFuseStore.Fuse.Requests;

namespace NixFuseStore.Fuse.Tests.Requests;

/// <summary>Which pending signals end a program; bit n - 1 stands for signal n.</summary>
public sealed class CallerThreadTests
{
    [Theory]
    [InlineData("0", "0", "0", "0", "0", false)]
    [InlineData("100", "0", "0", "0", "0", true)] // SIGKILL
    [InlineData("0", "4000", "0", "0", "0", true)] // SIGTERM by default
    [InlineData("0", "4000", "0", "0", "4000", false)] // caught
    [InlineData("0", "4000", "0", "4000", "0", false)] // ignored
    [InlineData("0", "4000", "4000", "0", "0", false)] // blocked
    [InlineData("0", "400000", "0", "0", "0", false)] // SIGURG does nothing by default
    [InlineData("0", "402000", "0", "0", "0", true)] // SIGALRM beside it
    [InlineData("0", "404000", "0", "0", "400000", true)] // SIGTERM behind a SIGURG that is caught
    public void PendingSignal_EndsTheProgramOrNot(string thread, string process, string blocked, string ignored, string caught, bool ends)
    {
        string Line(string name, string mask) => $"{name}:\t{mask.PadLeft(16, '0')}\n";
        var status = "Name:\tcat\nState:\tS (sleeping)\n" + Line("SigPnd", thread) + Line("ShdPnd", process) + Line("SigBlk", blocked)
            + Line("SigIgn", ignored) + Line("SigCgt", caught);

        Assert.Equal(ends, CallerThread.IsEnding(Encoding.ASCII.GetBytes(status)));
    }

    [Fact]
    public void Thread_ThatIsGoneOrUnknown()
    {
        Assert.False(CallerThread.IsEnding(0)); // in no pid namespace of ours
        Assert.True(CallerThread.IsEnding(uint.MaxValue)); // no such thread
        Assert.False(CallerThread.IsEnding((uint)Environment.ProcessId));
    }
}
