using NixFuseStore.Native.Linux;
using NixFuseStore.Testing.Fuse;

namespace NixFuseStore.Fuse.Tests.Sessions;

public sealed class NotifierTests
{
    [Fact]
    public async Task InvalidateEntry_CarriesParentAndName() => await ExpectAsync(
        kernel => kernel.Session.Notifier.InvalidateEntry(0x2a, "abc"u8),
        "24 00 00 00" + // length 36
        "03 00 00 00" + // FUSE_NOTIFY_INVAL_ENTRY
        "00 00 00 00 00 00 00 00" + // answers nobody
        "2a 00 00 00 00 00 00 00" + // parent
        "03 00 00 00" + // name length, without terminator
        "00 00 00 00" + // flags
        "61 62 63 00");

    [Fact]
    public async Task InvalidateInode_CarriesNodeAndRange() => await ExpectAsync(
        kernel => kernel.Session.Notifier.InvalidateInode(0x2a, 4096, -1),
        "28 00 00 00" + // length 40
        "02 00 00 00" + // FUSE_NOTIFY_INVAL_INODE
        "00 00 00 00 00 00 00 00" +
        "2a 00 00 00 00 00 00 00" + // node
        "00 10 00 00 00 00 00 00" + // offset
        "ff ff ff ff ff ff ff ff"); // length

    [Fact]
    public async Task Delete_CarriesParentChildAndName() => await ExpectAsync(
        kernel => kernel.Session.Notifier.Delete(0x2a, 0x2b, "abc"u8),
        "2c 00 00 00" + // length 44
        "06 00 00 00" + // FUSE_NOTIFY_DELETE
        "00 00 00 00 00 00 00 00" +
        "2a 00 00 00 00 00 00 00" + // parent
        "2b 00 00 00 00 00 00 00" + // child
        "03 00 00 00" + // name length
        "00 00 00 00" + // padding
        "61 62 63 00");

    [Fact]
    public async Task Resend_HasNoBody() => await ExpectAsync(
        kernel => kernel.Session.Notifier.Resend(),
        "10 00 00 00" + // length 16
        "07 00 00 00" + // FUSE_NOTIFY_RESEND
        "00 00 00 00 00 00 00 00");

    [Theory]
    [InlineData(Errno.ENOENT)]
    [InlineData(Errno.ENOTCONN)]
    [InlineData(Errno.EINVAL)]
    public async Task Outcome_IsTheKernels(Errno outcome)
    {
        await using var kernel = new FuseTestKernel(new ScriptedFileSystem()) { NotificationOutcome = outcome };
        Assert.Equal(outcome, kernel.Session.Notifier.InvalidateInode(1));
    }

    [Fact]
    public async Task ImpossibleNames_AreRefusedBeforeTheKernelSeesThem()
    {
        await using var kernel = new FuseTestKernel(new ScriptedFileSystem());
        Assert.Throws<ArgumentOutOfRangeException>(() => kernel.Session.Notifier.InvalidateEntry(1, default));
        Assert.Throws<ArgumentOutOfRangeException>(() => kernel.Session.Notifier.Delete(1, 2, new byte[256]));
        Assert.Empty(kernel.Notifications);
    }

    private static async Task ExpectAsync(Func<FuseTestKernel, Errno> notify, string hex)
    {
        await using var kernel = new FuseTestKernel(new ScriptedFileSystem());
        Assert.Equal(Errno.None, notify(kernel));
        Assert.Equal(hex.Replace(" ", "", StringComparison.Ordinal), Convert.ToHexStringLower(Assert.Single(kernel.Notifications)));
        Assert.Equal(1, kernel.Session.GetStatistics().Notifications);
    }
}
