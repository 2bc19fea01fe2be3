using NixFuseStore.Fuse.Kernel;
using NixFuseStore.Fuse.Sessions;
using NixFuseStore.Fuse.Tests.Trees;
using NixFuseStore.Native.Linux;
using NixFuseStore.Testing.Fuse;

namespace NixFuseStore.Fuse.Tests.Sessions;

/// <summary>What is answered from memory leaves nothing to collect.</summary>
public sealed class AllocationTests
{
    private const int Rounds = 10_000;

    [Theory]
    [InlineData(FuseOpcode.Lookup)]
    [InlineData(FuseOpcode.GetAttr)]
    [InlineData(FuseOpcode.Read)]
    [InlineData(FuseOpcode.ReadDirectoryPlus)]
    [InlineData(FuseOpcode.Ioctl)]
    public void Dispatch_FromMemory_AllocatesNothing(FuseOpcode opcode)
    {
        var tree = new TreeFileSystem();
        var directory = tree.AddDirectory(tree.Root, "directory");
        var file = tree.AddFile(directory, "file", new byte[100_000]);
        var request = opcode switch
        {
            FuseOpcode.Lookup => FuseTestKernel.Encode(opcode, 2, directory.Id, FuseTestKernel.Name("file")),
            FuseOpcode.GetAttr => FuseTestKernel.Encode(opcode, 2, file.Id, new byte[16]),
            FuseOpcode.Read => FuseTestKernel.Encode(opcode, 2, file.Id, FuseTestKernel.ReadArgument(0, 100_000)),
            FuseOpcode.ReadDirectoryPlus => FuseTestKernel.Encode(opcode, 2, directory.Id, FuseTestKernel.ReadArgument(0, 4096)),
            _ => FuseTestKernel.Encode(opcode, 2, file.Id, new byte[32]),
        };
        using var channel = new SinkChannel();
        var session = new FuseSession(channel, tree);
        var dispatcher = new FuseDispatcher(session, channel);
        dispatcher.Dispatch(request);
        dispatcher.Dispatch(request);

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < Rounds; i++)
        {
            dispatcher.Dispatch(request);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(Rounds + 2, channel.Messages);
        Assert.Equal(0, session.GetStatistics().Errors);
    }

    [Fact]
    public void Notifications_AllocateNothing()
    {
        using var channel = new SinkChannel();
        var session = new FuseSession(channel, new TreeFileSystem());
        session.Notifier.InvalidateEntry(1, "warm-up"u8);

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < Rounds; i++)
        {
            session.Notifier.InvalidateEntry(1, "name"u8);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(Errno.None, session.Notifier.Resend());
    }
}
