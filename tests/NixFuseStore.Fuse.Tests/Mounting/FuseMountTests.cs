using NixFuseStore.Fuse.Kernel;
using NixFuseStore.Fuse.Mounting;
using NixFuseStore.Fuse.Sessions;
using NixFuseStore.Fuse.Tests.Trees;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Fuse.Tests.Mounting;

/// <summary>Beginning and end of mounts, good and bad.</summary>
public sealed class FuseMountTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("fuse-test-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void MissingMountPoint_IsNamed() =>
        ExpectProblem(FuseMountProblem.Missing, Path.Combine(_directory, "missing"), "there is no such directory");

    [Fact]
    public void FileAsMountPoint_IsRefused()
    {
        var file = Path.Combine(_directory, "file");
        File.WriteAllText(file, "");
        ExpectProblem(FuseMountProblem.NotDirectory, file, "not a directory");
        ExpectProblem(FuseMountProblem.NotDirectory, Path.Combine(file, "below"), "not a directory");
    }

    [Fact]
    public void FullMountPoint_IsRefused()
    {
        File.WriteAllText(Path.Combine(_directory, "file"), "");
        ExpectProblem(FuseMountProblem.NotEmpty, _directory, "not empty");
    }

    [Fact]
    public void MountedMountPoint_IsBusy() => ExpectProblem(FuseMountProblem.Busy, "/proc", "proc from proc is mounted there");

    [Fact]
    public void Unmounting_WhatIsNoMount_IsRefused()
    {
        var exception = Assert.Throws<FuseMountException>(() => FuseMount.TryUnmount(_directory, lazyWhenBusy: true));
        Assert.Contains("no FUSE file system is mounted there", exception.Message, StringComparison.Ordinal);
        Assert.Throws<FuseMountException>(() => FuseMount.TryUnmount("/proc", lazyWhenBusy: true)); // a mount, but none of ours
    }

    [Fact]
    public async Task MountOverAMount_IsBusy_AndFreeAgainAfterwards()
    {
        await using (var mount = await TreeMount.CreateAsync())
        {
            ExpectProblem(FuseMountProblem.Busy, mount.Path, "fuse.nixfuse from tree,test is mounted there");
        }
    }

    [Fact]
    public async Task Unmount_EndsTheSession()
    {
        await using var mount = await TreeMount.CreateAsync();
        Assert.True(mount.Mount.TryUnmount(lazyWhenBusy: false));
        Assert.Equal(FuseSessionEnd.Unmounted, await mount.Session.Completion.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken));
        Assert.NotEqual(Errno.None, mount.Session.Notifier.InvalidateInode(1)); // which error depends on how far the kernel has got
        Assert.True(mount.Mount.TryUnmount(lazyWhenBusy: false)); // nothing to do
    }

    [Fact]
    public async Task Unmount_WhileInUse_StaysOrGoesLazily()
    {
        var tree = new TreeFileSystem();
        tree.AddFile(tree.Root, "file", new byte[300_000]);
        await using var mount = await TreeMount.CreateAsync(tree);
        await using (var file = File.OpenRead(mount.At("file")))
        {
            Assert.False(mount.Mount.TryUnmount(lazyWhenBusy: false));
            Assert.True(mount.Mount.TryUnmount(lazyWhenBusy: true));
            Assert.Empty(Directory.EnumerateFileSystemEntries(mount.Path)); // out of sight
            var content = new byte[300_000];
            await file.ReadExactlyAsync(content, TestContext.Current.CancellationToken); // but there for those who have it
            Assert.False(mount.Session.Completion.IsCompleted);
        }

        Assert.Equal(FuseSessionEnd.Unmounted, await mount.Session.Completion.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task DeadMount_IsRecognisedAndCanBeUnmounted()
    {
        TreeMount.SkipUnlessPossible();
        var mount = FuseMount.Create(_directory);
        var session = new FuseSession(mount.Channel, new TreeFileSystem());
        session.Start();
        await session.Connection;
        await session.StopAsync(TimeSpan.Zero);
        mount.Dispose(); // as if the process had died

        Assert.True(FuseMount.IsStale(_directory));
        ExpectProblem(FuseMountProblem.Stale, _directory, "a mount whose server died is still there");
        Assert.True(FuseMount.TryUnmount(_directory, lazyWhenBusy: false));
        Assert.False(FuseMount.IsStale(_directory));
    }

    [Fact]
    public async Task Stop_WithoutUnmounting_IsQuick_AndASuccessorGoesOn()
    {
        TreeMount.SkipUnlessPossible();
        var tree = new TreeFileSystem { HangingName = "hang"u8.ToArray() };
        tree.AddFile(tree.Root, "file", "still here"u8.ToArray());
        using var mount = FuseMount.Create(_directory);
        var first = new FuseSession(mount.Channel, tree);
        first.Start();
        var connection = await first.Connection;
        mount.RemountReadOnly();

        // 1. A request is in flight when the first process lets go.
        var hanging = Task.Run(() => File.Exists(Path.Combine(_directory, "hang")), TestContext.Current.CancellationToken);
        await tree.Hanging.Task.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        var clock = System.Diagnostics.Stopwatch.StartNew();
        await first.StopAsync(TimeSpan.Zero, leaveUnanswered: true);
        Assert.InRange(clock.ElapsedMilliseconds, 0, 2000);
        Assert.False(hanging.IsCompleted);

        // 2. A second one takes the descriptor and asks for it again.
        tree.HangingName = null;
        tree.AddFile(tree.Root, "hang", []);
        using var channel = new Channels.DeviceChannelCopy(mount.Channel).Channel;
        var second = new FuseSession(channel, tree, new FuseSessionOptions { Resume = connection });
        second.Start();
        Assert.True(connection.Features.HasFlag(FuseFeatures.Resend));
        Assert.Equal(Errno.None, second.Notifier.Resend());
        Assert.True(await hanging.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken));
        Assert.Equal("still here", await File.ReadAllTextAsync(Path.Combine(_directory, "file"), TestContext.Current.CancellationToken));

        Assert.True(mount.TryUnmount(lazyWhenBusy: false));
        Assert.Equal(FuseSessionEnd.Unmounted, await second.Completion.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken));
    }

    private static void ExpectProblem(FuseMountProblem problem, string path, string words)
    {
        var exception = Assert.Throws<FuseMountException>(() => FuseMount.Create(path));
        Assert.Equal(problem, exception.Problem);
        Assert.Contains(words, exception.Message, StringComparison.Ordinal);
        Assert.StartsWith($"cannot mount at {path}: ", exception.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', exception.Message);
    }
}
