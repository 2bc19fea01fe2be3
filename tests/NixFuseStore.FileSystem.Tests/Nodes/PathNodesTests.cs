using System.Buffers.Binary;
using NixFuseStore.FileSystem.Nodes;
using NixFuseStore.Fuse.Kernel;
using NixFuseStore.Native.Linux;
using NixFuseStore.Testing.Fuse;
using NixFuseStore.Testing.Stores;

namespace NixFuseStore.FileSystem.Tests.Nodes;

/// <summary>What is kept of paths follows what the kernel knows.</summary>
public sealed class PathNodesTests : IAsyncDisposable
{
    private const int Paths = 1000;

    private readonly FakeStoreReader _reader = new();

    public ValueTask DisposeAsync() => _reader.DisposeAsync();

    [Fact]
    public async Task PathsThatTheKernelHasForgotten_AreDropped_AndFoundAgainByTheirNodes()
    {
        await using var file = new StoreFileSystem(_reader);
        await using var kernel = new FuseTestKernel(file);
        await kernel.InitAsync();
        var nodes = new List<ulong>();
        for (var i = 0; i < Paths; i++)
        {
            _reader.Add(TestPaths.Numbered(i), TestPaths.HelloTree);
            var root = (await kernel.LookupAsync(FixedNodes.Store, TestPaths.Numbered(i))).Entry.Node;
            nodes.AddRange([root, (await kernel.LookupAsync(root, "bin")).Entry.Node]);
        }

        Assert.Equal(Paths, file.PathsInUse);

        // All but the last node: the path is still in use.
        Forget(kernel, nodes.Where((_, index) => index % 2 == 0));
        await kernel.StatFsAsync();
        Assert.Equal(Paths, file.PathsInUse);

        Forget(kernel, nodes.Where((_, index) => index % 2 == 1));
        await kernel.StatFsAsync();
        Assert.InRange(file.PathsInUse, 1, 300);
        foreach (var node in nodes.Take(20))
        {
            Assert.Equal(node, (await kernel.LookupAsync(node, ".")).Entry.Node);
        }
    }

    [Fact]
    public async Task Listings_CountWhatTheKernelCounts()
    {
        await using var file = new StoreFileSystem(_reader);
        await using var kernel = new FuseTestKernel(file);
        await kernel.InitAsync();
        var counted = new List<(ulong Node, ulong Lookups)>();
        for (var i = 0; i < Paths; i++)
        {
            _reader.Add(TestPaths.Numbered(i), TestPaths.HelloTree);
        }

        for (ulong cookie = 0; ;)
        {
            var page = (await kernel.ReadDirectoryAsync(FixedNodes.Store, cookie, 16 << 10, plus: true)).DirectoryPlus;
            if (page.Count == 0)
            {
                break;
            }

            cookie = page[^1].Cookie;
            counted.AddRange(page.Where(static entry => entry.Entry!.Value.Node != 0).Select(static entry => (entry.Entry!.Value.Node, 1ul)));
        }

        Assert.InRange(counted.Count, Paths * 9 / 10, Paths);
        Assert.Equal(counted.Count, file.PathsInUse);
        var first = counted[0].Node;
        var inside = (await kernel.ReadDirectoryAsync(first, 0, 16 << 10, plus: true)).DirectoryPlus;
        Forget(kernel, counted.Select(static entry => entry.Node));
        await kernel.StatFsAsync();
        var left = file.PathsInUse;
        Forget(kernel, Enumerable.Repeat(0, 300).SelectMany((_, index) => new[] { counted[index + 1].Node }));
        await kernel.StatFsAsync();

        // Once more than counted does no harm, and what was listed in the first path is still counted.
        Assert.InRange(left, 1, 300);
        Assert.Contains(inside, static entry => entry.Entry!.Value.Node != 0);
        _reader.Network = FakeStoreReader.Away;
        _reader.Resync();
        Assert.Equal(Errno.None, (await kernel.GetAttributesAsync(first)).Error);
    }

    [Fact]
    public async Task InodesAndSizes_FitPrograms_ThatKnow32BitsOnly()
    {
        await using var file = new StoreFileSystem(_reader);
        await using var kernel = new FuseTestKernel(file);
        await kernel.InitAsync();
        for (var i = 0; i < 50; i++)
        {
            _reader.Add(TestPaths.Numbered(i), TestPaths.HelloTree);
        }

        var inodes = new HashSet<ulong>();
        for (var i = 0; i < 50; i += 2)
        {
            var root = (await kernel.LookupAsync(FixedNodes.Store, TestPaths.Numbered(i))).Entry;
            Assert.True(inodes.Add(root.Attributes.Inode));
            foreach (var entry in (await kernel.ReadDirectoryAsync(root.Node, 0, 16 << 10, plus: true)).DirectoryPlus.Skip(2))
            {
                Assert.True(inodes.Add(entry.Inode));
                Assert.Equal(entry.Inode, entry.Entry!.Value.Attributes.Inode);
                Assert.Equal(entry.Inode, (await kernel.GetAttributesAsync(entry.Entry!.Value.Node)).Attributes.Inode);
            }
        }

        Assert.All(inodes, static inode => Assert.InRange(inode, 1ul, (ulong)uint.MaxValue));

        // What is listed by name only has other numbers, and offsets.
        var names = (await kernel.ReadDirectoryAsync(FixedNodes.Store, 0, 64 << 10, plus: false)).Directory;
        Assert.Equal(52, names.Count);
        Assert.All(names, static entry => Assert.InRange(entry.Inode, 1ul, (ulong)uint.MaxValue));
        Assert.All(names, static entry => Assert.InRange(entry.Cookie, 1ul, (ulong)int.MaxValue));
        Assert.Equal(52, names.Select(static entry => entry.Inode).Distinct().Count());

        var figures = (await kernel.StatFsAsync()).Body;
        for (var at = 0; at < 40; at += 8)
        {
            Assert.InRange(BinaryPrimitives.ReadUInt64LittleEndian(figures.AsSpan(at)), 1ul, (ulong)int.MaxValue);
        }
    }

    private static void Forget(FuseTestKernel kernel, IEnumerable<ulong> nodes)
    {
        foreach (var node in nodes)
        {
            kernel.Tell(FuseOpcode.Forget, node, BitConverter.GetBytes(1ul));
        }
    }
}
