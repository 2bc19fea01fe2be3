using System.Diagnostics;
using System.Text;
using NixFuseStore.FileSystem.Nodes;
using NixFuseStore.Fuse.Kernel;
using NixFuseStore.Native.Linux;
using NixFuseStore.Testing.Fuse;
using NixFuseStore.Testing.Stores;

namespace NixFuseStore.FileSystem.Tests.Requests;

public sealed class LookupTests
{
    [Fact]
    public async Task Name_ThatIsNoStorePath_IsAbsentForEver_WithoutAQuestion()
    {
        var reader = new FakeStoreReader();
        await using var file = new StoreFileSystem(reader);
        await using var kernel = new FuseTestKernel(file);
        await kernel.InitAsync();
        foreach (var name in (string[])[".git", "lib", "0123456789abcdfghijklmnpqrsvwxyz", "e123456789abcdfghijklmnpqrsvwxyz-e", "\u00e9" + TestPaths.Hello[1..]])
        {
            var entry = (await kernel.LookupAsync(FixedNodes.Store, name)).Entry;
            Assert.Equal(0u, entry.Node);
            Assert.Equal(FuseTimeout.Infinite.Seconds, entry.EntrySeconds);
        }

        Assert.Empty(reader.Questions);
    }

    [Fact]
    public async Task AbsentPath_IsAbsentForHalfASecond_AndAPresentOneStays()
    {
        var reader = new FakeStoreReader();
        reader.Add(TestPaths.Hello, TestPaths.HelloTree);
        await using var file = new StoreFileSystem(reader);
        await using var kernel = new FuseTestKernel(file);
        await kernel.InitAsync();

        var absent = (await kernel.LookupAsync(FixedNodes.Store, TestPaths.Absent)).Entry;
        Assert.Equal((0ul, 0ul, 500_000_000u), (absent.Node, absent.EntrySeconds, absent.EntryNanoseconds));

        var present = (await kernel.LookupAsync(FixedNodes.Store, TestPaths.Hello)).Entry;
        Assert.Equal(FuseTimeout.Infinite.Seconds, present.EntrySeconds);
        Assert.Equal(FuseTimeout.Infinite.Seconds, present.AttributesSeconds);
        Assert.Equal(0x4000u | 0x16D, present.Attributes.Mode);
    }

    [Fact]
    public async Task Dots_LeadToTheNodeItselfAndItsParent_Everywhere()
    {
        var reader = new FakeStoreReader();
        reader.Add(TestPaths.Hello, TestPaths.HelloTree);
        await using var file = new StoreFileSystem(reader);
        await using var kernel = new FuseTestKernel(file);
        await kernel.InitAsync();
        var root = (await kernel.LookupAsync(FixedNodes.Store, TestPaths.Hello)).Entry.Node;
        var bin = (await kernel.LookupAsync(root, "bin")).Entry.Node;
        var hello = (await kernel.LookupAsync(bin, "hello")).Entry.Node;
        (ulong Node, string Name, ulong Expected)[] cases =
        [
            (hello, ".", hello), (hello, "/", hello), (hello, "..", bin), (root, "/", root), (bin, ".", bin), (bin, "..", root), (root, ".", root), (root, "..", FixedNodes.Store),
            (FixedNodes.Store, ".", FixedNodes.Store), (FixedNodes.Store, "..", FixedNodes.Root), (FixedNodes.Root, "..", FixedNodes.Root),
            (FixedNodes.DaemonSocketDirectory, "..", FixedNodes.VarNix),
        ];
        foreach (var (node, name, expected) in cases)
        {
            Assert.Equal(expected, (await kernel.LookupAsync(node, name)).Entry.Node);
        }

        Assert.Equal(Errno.ENOTDIR, (await kernel.LookupAsync(hello, "x")).Error);
    }

    /// <summary>A file handle outlives everything that is in memory: the kernel's inode, the path's tree and record, the process.</summary>
    [Fact]
    public async Task NodeOfAnEarlierProcess_IsFoundByItsNumberAlone()
    {
        using var ids = Libc.CreateMemoryFile("test");
        var options = new StoreFileSystemOptions { NodeIds = ids };
        var reader = new FakeStoreReader();
        reader.Add(TestPaths.Hello, TestPaths.HelloTree);
        ulong root, bin, hello;
        await using (var file = new StoreFileSystem(reader, options))
        await using (var kernel = new FuseTestKernel(file))
        {
            await kernel.InitAsync();
            root = (await kernel.LookupAsync(FixedNodes.Store, TestPaths.Hello)).Entry.Node;
            bin = (await kernel.LookupAsync(root, "bin")).Entry.Node;
            hello = (await kernel.LookupAsync(bin, "hello")).Entry.Node;
        }

        foreach (var (node, name, expected) in new[] { (hello, ".", hello), (hello, "/", hello), (bin, "..", root), (root, ".", root), (root, "..", FixedNodes.Store) })
        {
            var later = new FakeStoreReader();
            later.Add(TestPaths.Hello, TestPaths.HelloTree);
            await using var file = new StoreFileSystem(later, options);
            await using var kernel = new FuseTestKernel(file);
            await kernel.InitAsync();
            Assert.Equal(expected, (await kernel.LookupAsync(node, name)).Entry.Node);
        }
    }

    [Fact]
    public async Task HostileNodes_AreStale()
    {
        var reader = new FakeStoreReader();
        reader.Add(TestPaths.Hello, TestPaths.HelloTree);
        await using var file = new StoreFileSystem(reader);
        await using var kernel = new FuseTestKernel(file);
        await kernel.InitAsync();
        var root = (await kernel.LookupAsync(FixedNodes.Store, TestPaths.Hello)).Entry.Node;
        foreach (var node in (ulong[])[9, 15, 99, root + 1000, root | 0x8000_0000, root | 0xFFFF_FFFF, 0xFFFF_FFFF_0000_0000, ulong.MaxValue])
        {
            Assert.Equal(Errno.ESTALE, (await kernel.LookupAsync(node, "x")).Error);
            Assert.Equal(Errno.ESTALE, (await kernel.GetAttributesAsync(node)).Error);
            Assert.NotEqual(Errno.None, (await kernel.ReadAsync(node, 0, 4096)).Error);
            Assert.NotEqual(Errno.None, (await kernel.ReadDirectoryAsync(node, 0, 4096, plus: true)).Error);
            Assert.NotEqual(Errno.None, (await kernel.ReadLinkAsync(node)).Error);
        }
    }

    [Fact]
    public async Task Deadline_IsEio()
    {
        var reader = new FakeStoreReader();
        reader.Add(TestPaths.Hello, TestPaths.HelloTree);
        await using var file = new StoreFileSystem(reader, new StoreFileSystemOptions
        {
            RootLookupDeadline = TimeSpan.FromMilliseconds(200),
            LookupDeadline = TimeSpan.FromMilliseconds(300),
            ReadDeadline = TimeSpan.FromMilliseconds(400),
        });
        await using var kernel = new FuseTestKernel(file);
        await kernel.InitAsync();
        var root = (await kernel.LookupAsync(FixedNodes.Store, TestPaths.Hello)).Entry.Node;
        var share = (await kernel.LookupAsync(root, "share")).Entry.Node;
        var readme = (await kernel.LookupAsync(share, "readme")).Entry.Node;

        reader.Network = token => Task.Delay(Timeout.Infinite, token);
        Assert.Equal(Errno.EIO, (await kernel.LookupAsync(FixedNodes.Store, TestPaths.Other)).Error);
        Assert.Equal(Errno.EIO, (await kernel.ReadAsync(readme, 0, 4096)).Error);
        reader.DropTrees();
        Assert.Equal(Errno.EIO, (await kernel.LookupAsync(root, "bin")).Error);
        Assert.Empty(kernel.Unwanted);
    }

    [Fact]
    public async Task Interrupt_IsEintr()
    {
        var reader = new FakeStoreReader();
        reader.Add(TestPaths.Hello, TestPaths.HelloTree);
        await using var file = new StoreFileSystem(reader, new StoreFileSystemOptions { ReadDeadline = TimeSpan.FromMinutes(5) });
        await using var kernel = new FuseTestKernel(file);
        await kernel.InitAsync();
        var root = (await kernel.LookupAsync(FixedNodes.Store, TestPaths.Hello)).Entry.Node;
        var share = (await kernel.LookupAsync(root, "share")).Entry.Node;
        var readme = (await kernel.LookupAsync(share, "readme")).Entry.Node;
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        reader.Network = token =>
        {
            asked.TrySetResult();
            return Task.Delay(Timeout.Infinite, token);
        };

        var unique = kernel.NextUnique();
        var read = kernel.ReadAsync(readme, 0, 4096, unique);
        await asked.Task.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        kernel.Interrupt(unique);
        Assert.Equal(Errno.EINTR, (await read).Error);
        Assert.Empty(kernel.Unwanted);
    }

    [Fact]
    public async Task Failures_AreEio_AndLoggedAtABoundedRate()
    {
        var lines = new List<string>();
        var reader = new FakeStoreReader { Network = FakeStoreReader.Away };
        await using var file = new StoreFileSystem(reader, new StoreFileSystemOptions { Log = line => { lock (lines) { lines.Add(line); } } });
        await using var kernel = new FuseTestKernel(file);
        await kernel.InitAsync();
        for (var i = 0; i < 100; i++)
        {
            Assert.Equal(Errno.EIO, (await kernel.LookupAsync(FixedNodes.Store, TestPaths.Numbered(i))).Error);
        }

        Assert.InRange(lines.Count, 1, 50);
        Assert.Contains("the test's server is away", lines[0], StringComparison.Ordinal);
        Assert.Contains(TestPaths.Numbered(0), lines[0], StringComparison.Ordinal);
        Assert.Equal(100, file.Failures);
    }

    [Fact]
    public async Task DroppedTree_IsFetchedAgain_AndNodesStayTheSame()
    {
        var reader = new FakeStoreReader();
        reader.Add(TestPaths.Hello, TestPaths.HelloTree);
        await using var file = new StoreFileSystem(reader);
        await using var kernel = new FuseTestKernel(file);
        await kernel.InitAsync();
        var root = (await kernel.LookupAsync(FixedNodes.Store, TestPaths.Hello)).Entry.Node;
        var bin = (await kernel.LookupAsync(root, "bin")).Entry.Node;
        reader.DropTrees();

        Assert.Equal(bin, (await kernel.LookupAsync(root, "bin")).Entry.Node);
        reader.DropTrees();
        Assert.Equal(0x4000u | 0x16D, (await kernel.GetAttributesAsync(bin)).Attributes.Mode);
        Assert.Equal(2, reader.Questions.Count(question => question.StartsWith("tree", StringComparison.Ordinal)) - 1);
    }

    [Fact]
    public async Task RemovedPath_IsStale_AndComesBackAsAnotherNode()
    {
        var reader = new FakeStoreReader();
        reader.Add(TestPaths.Hello, FakeTree.Directory(("file", FakeTree.File("old"))));
        await using var file = new StoreFileSystem(reader);
        await using var kernel = new FuseTestKernel(file);
        await kernel.InitAsync();
        file.StartNotifications(kernel.Session.Notifier);
        var old = (await kernel.LookupAsync(FixedNodes.Store, TestPaths.Hello)).Entry.Node;
        await kernel.LookupAsync(old, "file");

        reader.Remove(TestPaths.Hello);
        reader.Add(TestPaths.Hello, FakeTree.Directory(("file", FakeTree.File("new"))));

        Assert.Equal(Errno.ESTALE, (await kernel.LookupAsync(old, "file")).Error);
        Assert.Equal(Errno.ESTALE, (await kernel.GetAttributesAsync(old)).Error);
        Assert.NotEqual(old >> 32, (await kernel.LookupAsync(FixedNodes.Store, TestPaths.Hello)).Entry.Node >> 32);
    }

    [Fact]
    public async Task PathRemovedRightBehindTheStart_IsTold()
    {
        var reader = new FakeStoreReader();
        reader.Add(TestPaths.Hello, TestPaths.HelloTree);
        await using var file = new StoreFileSystem(reader);
        await using var kernel = new FuseTestKernel(file);
        file.StartNotifications(kernel.Session.Notifier);
        reader.Remove(TestPaths.Hello);

        await kernel.InitAsync();
        var clock = Stopwatch.StartNew();
        while (!kernel.Notifications.Any(notification => Encoding.ASCII.GetString(notification).Contains(TestPaths.Hello, StringComparison.Ordinal)))
        {
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(60), "not told");
            await Task.Delay(5, TestContext.Current.CancellationToken);
        }
    }

    [Fact]
    public async Task NodesOfAnEarlierProcess_StillMeanTheSame()
    {
        using var ids = Libc.CreateMemoryFile("test");
        var options = new StoreFileSystemOptions { NodeIds = ids };
        var reader = new FakeStoreReader();
        reader.Add(TestPaths.Other, TestPaths.HelloTree);
        reader.Add(TestPaths.Hello, TestPaths.HelloTree);
        ulong readme;
        await using (var file = new StoreFileSystem(reader, options))
        await using (var kernel = new FuseTestKernel(file))
        {
            await kernel.InitAsync();
            await kernel.LookupAsync(FixedNodes.Store, TestPaths.Other);
            var root = (await kernel.LookupAsync(FixedNodes.Store, TestPaths.Hello)).Entry.Node;
            readme = (await kernel.LookupAsync((await kernel.LookupAsync(root, "share")).Entry.Node, "readme")).Entry.Node;
        }

        // Another process; the kernel goes on with the node that it has.
        var second = new FakeStoreReader();
        second.Add(TestPaths.Hello, TestPaths.HelloTree);
        await using (var file = new StoreFileSystem(second, options))
        await using (var kernel = new FuseTestKernel(file))
        {
            await kernel.InitAsync();
            Assert.Equal($"see /nix/store/{TestPaths.Other}/doc\n", (await kernel.ReadAsync(readme, 0, 4096)).Text);
        }

        // One where the path has other content: not a byte of it under the old node.
        var third = new FakeStoreReader();
        third.Add(TestPaths.Hello, FakeTree.Directory(("share", FakeTree.Directory(("readme", FakeTree.File("other"))))));
        await using (var file = new StoreFileSystem(third, options))
        await using (var kernel = new FuseTestKernel(file))
        {
            await kernel.InitAsync();
            Assert.Equal(Errno.ESTALE, (await kernel.ReadAsync(readme, 0, 4096)).Error);
        }
    }
}
