using Microsoft.Win32.SafeHandles;
using System.Text;
using NixFuseStore.FileSystem.Nodes;
using NixFuseStore.Native.Linux;
using NixFuseStore.Nix;
using NixFuseStore.Testing.Fuse;
using NixFuseStore.Testing.Stores;

namespace NixFuseStore.FileSystem.Tests.Requests;

public sealed class LogTests
{
    private const string Derivation = "0c0mi9n2vsbyyqpfpxgvlq7qcyqj3l0g-logged.drv";

    [Fact]
    public async Task Log_IsFoundWhereNixLooksForIt_AndReadInPieces()
    {
        await using var file = Open(Encoding.ASCII.GetBytes("first line\nsecond line\n"));
        await using var kernel = new FuseTestKernel(file);
        await kernel.InitAsync();
        var folder = await FindFolderAsync(kernel, Derivation[..2]);

        var found = (await kernel.LookupAsync(folder, Derivation[2..])).Entry;

        Assert.Equal(23ul, found.Attributes.Size);
        Assert.Equal(23ul, (await kernel.GetAttributesAsync(found.Node)).Attributes.Size);
        Assert.Equal("second", Encoding.ASCII.GetString((await kernel.ReadAsync(found.Node, 11, 6)).Body));
        Assert.Empty((await kernel.ReadAsync(found.Node, 100, 6)).Body);
    }

    [Theory]
    [InlineData("0mi9n2vsbyyqpfpxgvlq7qcyqj3l0g-other.drv")]
    [InlineData("0mi9n2vsbyyqpfpxgvlq7qcyqj3l0g-logged.drv.bz2")]
    [InlineData("x")]
    public async Task Log_ThatIsNotThere_IsAbsent(string name)
    {
        await using var file = Open([1]);
        await using var kernel = new FuseTestKernel(file);
        await kernel.InitAsync();

        Assert.Equal(0ul, (await kernel.LookupAsync(await FindFolderAsync(kernel, Derivation[..2]), name)).Entry.Node);
    }

    [Fact]
    public async Task NodesOfNoLog_AreStale()
    {
        await using var file = Open([1]);
        await using var kernel = new FuseTestKernel(file);
        await kernel.InitAsync();

        var folder = await FindFolderAsync(kernel, Derivation[..2]);
        var log = (await kernel.LookupAsync(folder, Derivation[2..])).Entry.Node;
        foreach (var node in new[] { log + 1, log + (1ul << 32), FixedNodes.InodesEnd + 5ul })
        {
            Assert.Equal(Errno.ESTALE, (await kernel.GetAttributesAsync(node)).Error);
            Assert.NotEqual(Errno.None, (await kernel.ReadAsync(node, 0, 10)).Error);
        }
    }

    [Fact]
    public async Task Dots_LeadToTheLogItself_AndItsFolder()
    {
        await using var file = Open([1]);
        await using var kernel = new FuseTestKernel(file);
        await kernel.InitAsync();
        var folder = await FindFolderAsync(kernel, Derivation[..2]);
        var log = (await kernel.LookupAsync(folder, Derivation[2..])).Entry.Node;

        Assert.Equal(log, (await kernel.LookupAsync(log, ".")).Entry.Node);
        Assert.Equal(folder, (await kernel.LookupAsync(log, "..")).Entry.Node);
        Assert.Equal(Errno.ENOTDIR, (await kernel.ReadDirectoryAsync(log, 0, 4096, plus: false)).Error);
        Assert.Equal(Errno.EINVAL, (await kernel.ReadLinkAsync(log)).Error);
    }

    /// <summary>The kernel may go on with the nodes of an earlier process; none of them may come to mean another log.</summary>
    [Fact]
    public async Task NodeOfAnEarlierProcess_MeansTheSameText_OrNothing()
    {
        using var ids = Libc.CreateMemoryFile("test");
        ulong log;
        await using (var file = Open("text"u8.ToArray(), ids))
        await using (var kernel = new FuseTestKernel(file))
        {
            await kernel.InitAsync();
            log = (await kernel.LookupAsync(await FindFolderAsync(kernel, Derivation[..2]), Derivation[2..])).Entry.Node;
        }

        await using (var file = Open("text"u8.ToArray(), ids))
        await using (var kernel = new FuseTestKernel(file))
        {
            await kernel.InitAsync();
            Assert.Equal("text", (await kernel.ReadAsync(log, 0, 10)).Text);
        }

        await using (var file = Open("other"u8.ToArray(), ids))
        await using (var kernel = new FuseTestKernel(file))
        {
            await kernel.InitAsync();
            Assert.Equal(Errno.ESTALE, (await kernel.ReadAsync(log, 0, 10)).Error);
            Assert.NotEqual(log, (await kernel.LookupAsync(await FindFolderAsync(kernel, Derivation[..2]), Derivation[2..])).Entry.Node);
        }
    }

    private static StoreFileSystem Open(byte[] text, SafeFileHandle? ids = null) => new(new FakeStoreReader(), new StoreFileSystemOptions
    {
        NodeIds = ids,
        FindBuildLog = (derivation, _) => Task.FromResult(derivation == StorePath.ParseBaseName(Derivation) ? text : null),
    });

    private static async Task<ulong> FindFolderAsync(FuseTestKernel kernel, string prefix)
    {
        var node = FixedNodes.Root;
        foreach (var name in (string[])["var", "log", "nix", "drvs", prefix])
        {
            node = (await kernel.LookupAsync(node, name)).Entry.Node;
            Assert.NotEqual(0ul, node);
        }

        return node;
    }
}
