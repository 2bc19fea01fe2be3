using System.Buffers.Binary;
using NixFuseStore.FileSystem.Nodes;
using NixFuseStore.Fuse.Kernel;
using NixFuseStore.Native.Linux;
using NixFuseStore.Testing.Fuse;
using NixFuseStore.Testing.Stores;

namespace NixFuseStore.FileSystem.Tests.Requests;

public sealed class SocketTests
{
    [Fact]
    public async Task Socket_CanBeBoundRemovedAndBoundAgain_AsAnotherNode()
    {
        await using var file = new StoreFileSystem(new FakeStoreReader());
        await using var kernel = new FuseTestKernel(file);
        await kernel.InitAsync();
        Assert.Equal(0u, (await kernel.LookupAsync(FixedNodes.DaemonSocketDirectory, "socket")).Entry.Node);

        var first = (await MakeNodeAsync(kernel, FixedNodes.DaemonSocketDirectory, "socket", FuseMode.Socket | 0x1ED)).Entry;
        Assert.Equal(FuseMode.Socket | 0x1ED, first.Attributes.Mode);
        Assert.Equal(first.Node, (await kernel.LookupAsync(FixedNodes.DaemonSocketDirectory, "socket")).Entry.Node);
        Assert.Equal(Errno.EEXIST, (await MakeNodeAsync(kernel, FixedNodes.DaemonSocketDirectory, "socket", FuseMode.Socket)).Error);
        Assert.Contains((await kernel.ReadDirectoryAsync(FixedNodes.DaemonSocketDirectory, 0, 4096, plus: true)).DirectoryPlus, entry => entry.Name == "socket" && entry.Type == 12);

        var changed = (await SetModeAsync(kernel, first.Node, 0x1B6)).Attributes;
        Assert.Equal(FuseMode.Socket | 0x1B6, changed.Mode);

        Assert.Equal(Errno.None, (await kernel.AskAsync(FuseOpcode.Unlink, FixedNodes.DaemonSocketDirectory, FuseTestKernel.Name("socket"))).Error);
        Assert.Equal(Errno.ESTALE, (await kernel.GetAttributesAsync(first.Node)).Error);
        var second = (await MakeNodeAsync(kernel, FixedNodes.DaemonSocketDirectory, "socket", FuseMode.Socket | 0x1ED)).Entry;
        Assert.NotEqual(first.Node, second.Node);
    }

    [Fact]
    public async Task NothingElseCanBeMadeOrChanged()
    {
        var reader = new FakeStoreReader();
        reader.Add(TestPaths.Hello, TestPaths.HelloTree);
        await using var file = new StoreFileSystem(reader);
        await using var kernel = new FuseTestKernel(file);
        await kernel.InitAsync();
        var root = (await kernel.LookupAsync(FixedNodes.Store, TestPaths.Hello)).Entry.Node;

        Assert.Equal(Errno.EROFS, (await MakeNodeAsync(kernel, FixedNodes.Store, "socket", FuseMode.Socket)).Error);
        Assert.Equal(Errno.EROFS, (await MakeNodeAsync(kernel, root, "socket", FuseMode.Socket)).Error);
        Assert.Equal(Errno.EROFS, (await MakeNodeAsync(kernel, FixedNodes.DaemonSocketDirectory, "other", FuseMode.Socket)).Error);
        Assert.Equal(Errno.EROFS, (await MakeNodeAsync(kernel, FixedNodes.DaemonSocketDirectory, "socket", FuseMode.Regular)).Error);
        Assert.Equal(Errno.EROFS, (await SetModeAsync(kernel, root, 0x1FF)).Error);
        Assert.Equal(Errno.EROFS, (await kernel.AskAsync(FuseOpcode.Unlink, FixedNodes.Store, FuseTestKernel.Name(TestPaths.Hello))).Error);
        Assert.Equal(Errno.ENOENT, (await kernel.AskAsync(FuseOpcode.Unlink, FixedNodes.DaemonSocketDirectory, FuseTestKernel.Name("socket"))).Error);
    }

    private static Task<FuseTestReply> MakeNodeAsync(FuseTestKernel kernel, ulong parent, string name, uint mode)
    {
        var body = new byte[16];
        BinaryPrimitives.WriteUInt32LittleEndian(body, mode);
        return kernel.AskAsync(FuseOpcode.MakeNode, parent, [.. body, .. FuseTestKernel.Name(name)]);
    }

    private static Task<FuseTestReply> SetModeAsync(FuseTestKernel kernel, ulong node, uint mode)
    {
        // fuse_setattr_in: 88 bytes; FATTR_MODE is bit 0, the mode stands at 68.
        var body = new byte[88];
        BinaryPrimitives.WriteUInt32LittleEndian(body, 1);
        BinaryPrimitives.WriteUInt32LittleEndian(body.AsSpan(68), mode);
        return kernel.AskAsync(FuseOpcode.SetAttr, node, body);
    }
}
