using NixFuseStore.Fuse.Mounting;

namespace NixFuseStore.Fuse.Tests.Mounting;

public sealed class MountTableTests
{
    [Fact]
    public void Line_IsTakenApart()
    {
        const string Line = @"36 35 98:0 /mnt1 /mnt\0402/a\134b rw,noatime master:1 shared:2 - fuse.nixfuse http://host:7420/\040x rw,user_id=0";
        Assert.True(MountTable.TryParse(Line, out var entry));
        Assert.Equal(("98:0", @"/mnt 2/a\b", "fuse.nixfuse", "http://host:7420/ x"), (entry.Device, entry.MountPoint, entry.Type, entry.Source));
        Assert.Equal(["rw", "noatime"], entry.Options);
        Assert.True(entry.IsFuse);
    }

    [Theory]
    [InlineData("22 1 0:20 / /proc rw - proc proc rw", false)]
    [InlineData("22 1 0:20 / /a rw - fuse x rw", true)]
    [InlineData("22 1 0:20 / /a rw - fusectl x rw", false)]
    [InlineData("22 1 0:20 / /a rw - fuseblk x rw", false)]
    public void Fuse_IsRecognisedByType(string line, bool expected)
    {
        Assert.True(MountTable.TryParse(line, out var entry));
        Assert.Equal(expected, entry.IsFuse);
    }

    [Fact]
    public void Line_CutAnywhereInItsRequiredPart_IsRefused()
    {
        const string Line = "36 35 98:0 / /mnt rw - fuse source";
        for (var length = 0; length < Line.LastIndexOf(' '); length++)
        {
            Assert.False(MountTable.TryParse(Line[..length], out _));
        }
    }

    [Fact]
    public void Find_KnowsProcAndNotNonsense()
    {
        Assert.Equal("proc", MountTable.Find("/proc")?.Type);
        Assert.Null(MountTable.Find("/nowhere"));
    }
}
