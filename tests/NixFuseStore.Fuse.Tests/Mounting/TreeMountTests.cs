using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using NixFuseStore.Fuse.Kernel;
using NixFuseStore.Fuse.Tests.Trees;

namespace NixFuseStore.Fuse.Tests.Mounting;

public sealed class TreeMountTests
{
    [Fact]
    public async Task Read_LargeFile_IsExact()
    {
        var content = RandomNumberGenerator.GetBytes((5 << 20) + 123);
        var tree = new TreeFileSystem();
        tree.AddFile(tree.Root, "large", content);
        await using var mount = await TreeMount.CreateAsync(tree);
        Assert.True(mount.Mount.SetReadAhead(1024));

        Assert.Equal(content, await File.ReadAllBytesAsync(mount.At("large"), TestContext.Current.CancellationToken));
        await using var file = File.OpenRead(mount.At("large"));
        file.Position = 4_000_001;
        var part = new byte[1000];
        await file.ReadExactlyAsync(part, TestContext.Current.CancellationToken);
        Assert.Equal(content[4_000_001..4_001_001], part);

        // Requests of a whole mebibyte, as INIT and the read-ahead setting ask for.
        Assert.InRange(mount.Session.GetStatistics().Requests[FuseOpcode.Read], 1, 12);
    }

    [Fact]
    public async Task Stat_File_ShowsAttributes()
    {
        var tree = new TreeFileSystem();
        tree.AddFile(tree.Root, "hello", "hello\n"u8.ToArray());
        await using var mount = await TreeMount.CreateAsync(tree);

        var file = new FileInfo(mount.At("hello"));
        Assert.Equal(6, file.Length);
        Assert.Equal(DateTime.UnixEpoch.AddSeconds(1), file.LastWriteTimeUtc);
        Assert.Equal("hello\n", await File.ReadAllTextAsync(file.FullName, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task List_TenThousandEntries_ShowsEachOnce()
    {
        var tree = new TreeFileSystem();
        var directory = tree.AddDirectory(tree.Root, "many");
        var names = Enumerable.Range(0, 10_000).Select(i => $"entry-{i:D5}-{new string('x', i % 200)}").ToArray();
        foreach (var name in names)
        {
            tree.AddFile(directory, name, []);
        }

        await using var mount = await TreeMount.CreateAsync(tree);
        Assert.Equal(names, Directory.EnumerateFiles(mount.At("many")).Select(Path.GetFileName).Order(StringComparer.Ordinal));

        // The second time the listing is the kernel's own.
        var before = Listings(mount);
        Assert.Equal(10_000, Directory.EnumerateFiles(mount.At("many")).Count());
        Assert.Equal(before, Listings(mount));

        static long Listings(TreeMount mount)
        {
            var requests = mount.Session.GetStatistics().Requests;
            return requests.GetValueOrDefault(FuseOpcode.ReadDirectory) + requests.GetValueOrDefault(FuseOpcode.ReadDirectoryPlus);
        }
    }

    [Fact]
    public async Task Link_IsFollowed()
    {
        var tree = new TreeFileSystem();
        tree.AddFile(tree.AddDirectory(tree.Root, "directory"), "file", "there"u8.ToArray());
        tree.AddLink(tree.Root, "link", "directory/file");
        await using var mount = await TreeMount.CreateAsync(tree);

        Assert.Equal("directory/file", new FileInfo(mount.At("link")).LinkTarget);
        Assert.Equal("there", await File.ReadAllTextAsync(mount.At("link"), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Script_IsExecuted()
    {
        var tree = new TreeFileSystem();
        tree.AddFile(tree.Root, "script", "#!/bin/sh\necho from the mount\n"u8.ToArray(), executable: true);
        await using var mount = await TreeMount.CreateAsync(tree);

        using var process = Process.Start(new ProcessStartInfo(mount.At("script")) { RedirectStandardOutput = true })!;
        Assert.Equal("from the mount\n", await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken));
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, process.ExitCode);
    }

    [Fact]
    public async Task AbsentName_AppearsAfterInvalidation()
    {
        await using var mount = await TreeMount.CreateAsync();
        Assert.False(File.Exists(mount.At("late")));
        Assert.Empty(Directory.EnumerateFileSystemEntries(mount.Path));
        mount.Tree.AddFile(mount.Tree.Root, "late", "now"u8.ToArray());
        Assert.False(File.Exists(mount.At("late"))); // kept as absent for ever
        Assert.Empty(Directory.EnumerateFileSystemEntries(mount.Path));

        Assert.Equal(Native.Linux.Errno.None, mount.Session.Notifier.InvalidateEntry(1, "late"u8));
        Assert.Equal(Native.Linux.Errno.None, mount.Session.Notifier.InvalidateInode(1));
        Assert.True(File.Exists(mount.At("late")));
        Assert.Equal([mount.At("late")], Directory.EnumerateFileSystemEntries(mount.Path));
    }

    [Fact]
    public async Task Notifications_AboutUnknownThings_SayNoEntry()
    {
        await using var mount = await TreeMount.CreateAsync();
        Assert.Equal(Native.Linux.Errno.ENOENT, mount.Session.Notifier.InvalidateInode(4711));
        Assert.Equal(Native.Linux.Errno.ENOENT, mount.Session.Notifier.InvalidateEntry(1, "never looked up"u8));
        Assert.Equal(Native.Linux.Errno.ENOENT, mount.Session.Notifier.Delete(1, 4711, "never looked up"u8));
        Assert.Equal(Native.Linux.Errno.None, mount.Session.Notifier.Resend());
    }

    [Fact]
    public async Task Delete_TakesTheNameAway()
    {
        var tree = new TreeFileSystem();
        var file = tree.AddFile(tree.Root, "file", "x"u8.ToArray());
        await using var mount = await TreeMount.CreateAsync(tree);
        Assert.True(File.Exists(mount.At("file")));
        tree.Root.Children.Clear();
        Assert.True(File.Exists(mount.At("file"))); // kept

        Assert.Equal(Native.Linux.Errno.None, mount.Session.Notifier.Delete(1, file.Id, "file"u8));
        Assert.False(File.Exists(mount.At("file")));
    }

    [Fact]
    public async Task Content_IsKeptUntilInvalidated()
    {
        var tree = new TreeFileSystem();
        var file = tree.AddFile(tree.Root, "file", "old"u8.ToArray());
        await using var mount = await TreeMount.CreateAsync(tree);
        Assert.Equal("old", await File.ReadAllTextAsync(mount.At("file"), TestContext.Current.CancellationToken));
        "new"u8.CopyTo(file.Content);
        Assert.Equal("old", await File.ReadAllTextAsync(mount.At("file"), TestContext.Current.CancellationToken));

        mount.Session.Notifier.InvalidateInode(file.Id);
        Assert.Equal("new", await File.ReadAllTextAsync(mount.At("file"), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Socket_BoundInside_ServesAfterRemount()
    {
        await using var mount = await TreeMount.CreateAsync(remount: false);
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(mount.At("socket")));
        listener.Listen();
        File.SetUnixFileMode(mount.At("socket"), (UnixFileMode)0x1B6);
        mount.Mount.RemountReadOnly();

        using var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await client.ConnectAsync(new UnixDomainSocketEndPoint(mount.At("socket")), TestContext.Current.CancellationToken);
        using var accepted = await listener.AcceptAsync(TestContext.Current.CancellationToken);
        await client.SendAsync("ping"u8.ToArray(), TestContext.Current.CancellationToken);
        var buffer = new byte[4];
        Assert.Equal(4, await accepted.ReceiveAsync(buffer, TestContext.Current.CancellationToken));
        Assert.Equal("ping"u8.ToArray(), buffer);
        Assert.Equal((UnixFileMode)0x1B6, File.GetUnixFileMode(mount.At("socket")));
    }

    [Fact]
    public async Task Socket_CanBeRemovedBeforeRemount()
    {
        await using var mount = await TreeMount.CreateAsync(remount: false);
        using (var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            listener.Bind(new UnixDomainSocketEndPoint(mount.At("socket")));
        }

        File.Delete(mount.At("socket"));
        Assert.False(File.Exists(mount.At("socket")));
        Assert.Empty(mount.Tree.Root.Children);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Writes_AreRefusedAsReadOnly(bool remount)
    {
        var tree = new TreeFileSystem();
        tree.AddFile(tree.Root, "file", "content"u8.ToArray());
        await using var mount = await TreeMount.CreateAsync(tree, remount);

        foreach (var attempt in new Action[]
        {
            () => File.WriteAllText(mount.At("new"), "x"),
            () => Directory.CreateDirectory(mount.At("new")),
            () => File.CreateSymbolicLink(mount.At("new"), "target"),
            () => File.Delete(mount.At("file")),
            () => File.Move(mount.At("file"), mount.At("other")),
            () => File.WriteAllText(mount.At("file"), "x"),
        })
        {
            var exception = Assert.ThrowsAny<IOException>(attempt);
            Assert.Contains("Read-only file system", exception.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Killed_Client_EndsItsLookup()
    {
        var tree = new TreeFileSystem { HangingName = "hang"u8.ToArray() };
        await using var mount = await TreeMount.CreateAsync(tree);
        using var process = Process.Start(new ProcessStartInfo("stat", [mount.At("hang")]) { RedirectStandardError = true })!;
        await tree.Hanging.Task.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);

        process.Kill();
        await process.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        await tree.Cancelled.Task.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        await mount.UntilAsync(statistics => statistics is { Interrupted: 1, InFlight: 0 });
    }

    [Fact]
    public async Task CaughtSignal_DoesNotEndALookup()
    {
        var tree = new TreeFileSystem { HangingName = "hang"u8.ToArray(), Deadline = TimeSpan.FromMinutes(1) };
        await using var mount = await TreeMount.CreateAsync(tree);
        // Catches SIGURG, as every Go program does, and would report EINTR.
        const string Program = "import os, signal, sys; signal.signal(signal.SIGURG, lambda *a: None); os.stat(sys.argv[1])";
        using var process = Process.Start(
            new ProcessStartInfo("python3", ["-c", Program, mount.At("hang")]) { RedirectStandardError = true })!;
        await tree.Hanging.Task.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);

        Signal(process, "URG");
        // Whether the signal is deadly is decided when the kernel tells of it.
        await mount.UntilAsync(static statistics => statistics.Requests.ContainsKey(FuseOpcode.Interrupt));
        Assert.False(process.HasExited);
        Assert.False(tree.Cancelled.Task.IsCompleted);

        // The kernel tells of the first signal only; a deadly one behind it counts all the same.
        Signal(process, "TERM");
        await process.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        await tree.Cancelled.Task.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Deadline_MakesLookupFail()
    {
        var tree = new TreeFileSystem { HangingName = "hang"u8.ToArray(), Deadline = TimeSpan.FromMilliseconds(100) };
        await using var mount = await TreeMount.CreateAsync(tree);
        var exception = await Assert.ThrowsAnyAsync<IOException>(
            () => File.ReadAllTextAsync(mount.At("hang"), TestContext.Current.CancellationToken));
        Assert.Contains("Input/output error", exception.Message, StringComparison.Ordinal);
        await mount.UntilAsync(statistics => statistics.DeadlinesMissed == 1);
    }

    [Fact]
    public async Task SilencedOperations_AreAskedOnce()
    {
        var tree = new TreeFileSystem();
        tree.AddFile(tree.Root, "a", "a"u8.ToArray());
        tree.AddFile(tree.Root, "b", "b"u8.ToArray());
        await using var mount = await TreeMount.CreateAsync(tree);
        for (var i = 0; i < 5; i++)
        {
            Assert.Equal("a", await File.ReadAllTextAsync(mount.At("a"), TestContext.Current.CancellationToken));
            Assert.Equal("b", await File.ReadAllTextAsync(mount.At("b"), TestContext.Current.CancellationToken));
            Assert.Equal(2, Directory.EnumerateFiles(mount.Path).Count());
        }

        var requests = mount.Session.GetStatistics().Requests;
        Assert.Equal(1, requests[FuseOpcode.Open]);
        Assert.Equal(1, requests[FuseOpcode.OpenDirectory]);
        Assert.InRange(requests.GetValueOrDefault(FuseOpcode.Flush), 0, 1);
        Assert.False(requests.ContainsKey(FuseOpcode.Release));
        Assert.False(requests.ContainsKey(FuseOpcode.Access));
    }

    [Fact]
    public async Task Mount_ShowsInTheTable()
    {
        await using var mount = await TreeMount.CreateAsync();
        var table = await File.ReadAllTextAsync("/proc/self/mountinfo", TestContext.Current.CancellationToken);
        var line = table.Split('\n').Single(l => l.Contains(mount.Path, StringComparison.Ordinal));
        Assert.Contains("ro,nosuid,nodev,noatime", line, StringComparison.Ordinal);
        Assert.Contains("- fuse.nixfuse tree,test ro,", line, StringComparison.Ordinal);
        Assert.Contains("default_permissions,allow_other", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task StatFs_ReportsFigures()
    {
        await using var mount = await TreeMount.CreateAsync();
        Assert.Equal(4_096_000, new DriveInfo(mount.Path).TotalSize);
    }

    [Fact]
    public async Task Name_BeyondLimit_IsTooLong()
    {
        await using var mount = await TreeMount.CreateAsync();
        var exception = Assert.ThrowsAny<IOException>(() => File.ReadAllText(mount.At(new string('n', 256))));
        Assert.Contains("too long", exception.Message, StringComparison.OrdinalIgnoreCase);
        Assert.False(File.Exists(mount.At(new string('n', 255))));
    }

    [Fact]
    public async Task ParallelReaders_GetTheirOwnBytes()
    {
        var tree = new TreeFileSystem();
        for (var i = 0; i < 50; i++)
        {
            tree.AddFile(tree.Root, $"file{i}", Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat($"content {i}\n", 5000))));
        }

        await using var mount = await TreeMount.CreateAsync(tree);
        await Parallel.ForEachAsync(Enumerable.Range(0, 200), TestContext.Current.CancellationToken, async (i, token) =>
            Assert.Equal(tree.Root.Children[i % 50].Node.Content, await File.ReadAllBytesAsync(mount.At($"file{i % 50}"), token)));
    }

    private static void Signal(Process process, string signal)
    {
        using var kill = Process.Start("kill", [$"-{signal}", process.Id.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
        Assert.Equal(0, kill.ExitCode);
    }
}
