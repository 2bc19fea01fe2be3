using System.Diagnostics;
using NixFuseStore.Fuse.Mounting;
using NixFuseStore.Native.Linux;
using NixFuseStore.Testing.Stores;

namespace NixFuseStore.FileSystem.Tests.Mounts;

public sealed class MountedStoreTests
{
    private static readonly TimeSpan VisibleWithin = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Tree_IsShownAsItWasPushed()
    {
        var reader = new FakeStoreReader();
        reader.Add(TestPaths.Hello, TestPaths.HelloTree);
        await using var mount = await TestMount.CreateAsync(reader);
        var root = Path.Join(mount.Store, TestPaths.Hello);

        Assert.Equal(["store", "var"], Names(mount.Path));
        Assert.Equal([TestPaths.Hello], Names(mount.Store));
        Assert.Equal(["bin", "empty", "lib", "share"], Names(root));
        Assert.Equal("hello\n", Run(Path.Join(root, "bin/hello")));
        Assert.Equal($"see /nix/store/{TestPaths.Other}/doc\n", await File.ReadAllTextAsync(Path.Join(root, "share/readme"), TestContext.Current.CancellationToken));
        Assert.Equal($"/nix/store/{TestPaths.Other}/share", new FileInfo(Path.Join(root, "lib/self")).LinkTarget);
        Assert.Equal(300_000, (await File.ReadAllBytesAsync(Path.Join(root, "lib/libhello.so"), TestContext.Current.CancellationToken)).Length);
        Assert.Equal("dr-xr-xr-x 1 1 0 0\n-r-xr-xr-x 1 1 0 0\n-r--r--r-- 1 1 0 0\nlrwxrwxrwx 1 1 0 0\n", Run(
            "stat", "-c", "%A %h %Y %u %g", root, Path.Join(root, "bin/hello"), Path.Join(root, "share/readme"), Path.Join(root, "lib/self")));
        Assert.False(File.Exists(Path.Join(root, "bin/nothing")));
    }

    [Fact]
    public async Task NewPath_IsVisible_ThoughAskedForBefore()
    {
        var reader = new FakeStoreReader();
        reader.Add(TestPaths.Hello, TestPaths.HelloTree);
        await using var mount = await TestMount.CreateAsync(reader);
        var path = Path.Join(mount.Store, TestPaths.Other);
        Assert.False(Directory.Exists(path));
        Assert.Single(Names(mount.Store));

        reader.Add(TestPaths.Other, TestPaths.HelloTree);

        await EventuallyAsync(() => Directory.Exists(path) && Names(mount.Store).Length == 2);
    }

    [Fact]
    public async Task NewPath_IsVisibleAfterAGap()
    {
        var reader = new FakeStoreReader();
        await using var mount = await TestMount.CreateAsync(reader);
        var path = Path.Join(mount.Store, TestPaths.Other);
        Assert.False(Directory.Exists(path));
        Assert.Empty(Names(mount.Store));

        reader.Add(TestPaths.Other, TestPaths.HelloTree, announce: false);
        reader.Resync();

        await EventuallyAsync(() => Directory.Exists(path) && Names(mount.Store).Length == 1);
    }

    [Fact]
    public async Task RemovedPath_DisappearsAndComesBackWithOtherContent()
    {
        var reader = new FakeStoreReader();
        reader.Add(TestPaths.Hello, FakeTree.Directory(("file", FakeTree.File("old"))));
        await using var mount = await TestMount.CreateAsync(reader);
        var file = Path.Join(mount.Store, TestPaths.Hello, "file");
        Assert.Equal("old", File.ReadAllText(file));

        reader.Remove(TestPaths.Hello);
        await EventuallyAsync(() => !File.Exists(file) && !Directory.Exists(Path.GetDirectoryName(file)) && Names(mount.Store).Length == 0);

        reader.Add(TestPaths.Hello, FakeTree.Directory(("file", FakeTree.File("new"))));
        await EventuallyAsync(() => File.Exists(file) && File.ReadAllText(file) == "new");
    }

    [Fact]
    public async Task PathRemovedDuringAGap_Disappears()
    {
        var reader = new FakeStoreReader();
        reader.Add(TestPaths.Hello, FakeTree.File("old"));
        reader.Add(TestPaths.Other, FakeTree.File("other"));
        await using var mount = await TestMount.CreateAsync(reader);
        Assert.Equal("old", File.ReadAllText(Path.Join(mount.Store, TestPaths.Hello)));
        Assert.Equal("other", File.ReadAllText(Path.Join(mount.Store, TestPaths.Other)));

        reader.Remove(TestPaths.Hello, announce: false);
        reader.Resync();

        await EventuallyAsync(() => !File.Exists(Path.Join(mount.Store, TestPaths.Hello)));
        Assert.Equal("other", File.ReadAllText(Path.Join(mount.Store, TestPaths.Other)));
    }

    [Fact]
    public async Task PathRemovedDuringAGap_Disappears_AlsoBehindOneThatNoLongerVerifies()
    {
        var reader = new FakeStoreReader();
        reader.Add(TestPaths.Hello, FakeTree.File("hello"));
        reader.Add(TestPaths.Other, FakeTree.File("old"));
        await using var mount = await TestMount.CreateAsync(reader);
        Assert.Equal("hello", File.ReadAllText(Path.Join(mount.Store, TestPaths.Hello)));
        Assert.Equal("old", File.ReadAllText(Path.Join(mount.Store, TestPaths.Other)));

        reader.Unverifiable[TestPaths.Hello] = true;
        reader.Remove(TestPaths.Other, announce: false);
        reader.Resync();

        await EventuallyAsync(() => !File.Exists(Path.Join(mount.Store, TestPaths.Other)));
        await EventuallyAsync(() => !File.Exists(Path.Join(mount.Store, TestPaths.Hello)));
    }

    [Fact]
    public async Task SignedListing_AnswersTheLookupsBehindIt_AndForgetsWhatIsRemoved()
    {
        var reader = new FakeStoreReader { SignsListings = true };
        for (var i = 0; i < 3_000; i++)
        {
            reader.Add(TestPaths.Numbered(i), i % 3 == 0 ? FakeTree.File("file", executable: true) : TestPaths.HelloTree);
        }

        await using var mount = await TestMount.CreateAsync(reader);
        var listed = Run("ls", "-l", mount.Store);
        Assert.Equal(3_001, listed.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        Assert.DoesNotContain(reader.Questions, question => question.StartsWith("find", StringComparison.Ordinal));

        // Whatever is wanted of a path is found and verified then, and has to be what was listed.
        var (file, directory) = (Path.Join(mount.Store, TestPaths.Numbered(0)), Path.Join(mount.Store, TestPaths.Numbered(1)));
        Assert.Equal("file", File.ReadAllText(file));
        Assert.Equal("hello\n", Run(Path.Join(directory, "bin/hello")));
        Assert.Equal(2, reader.Questions.Count(question => question.StartsWith("find", StringComparison.Ordinal)));

        // One that is gone is gone, though nothing but its name was ever asked for.
        var (gone, missed) = (Path.Join(mount.Store, TestPaths.Numbered(2)), Path.Join(mount.Store, TestPaths.Numbered(4)));
        Assert.True(Directory.Exists(gone) && Directory.Exists(missed));
        reader.Remove(TestPaths.Numbered(2));
        await EventuallyAsync(() => !Directory.Exists(gone));
        reader.Remove(TestPaths.Numbered(4), announce: false);
        reader.Resync();
        await EventuallyAsync(() => !Directory.Exists(missed));
        Assert.Equal("file", File.ReadAllText(file));
    }

    [Fact]
    public async Task SignedListing_PathWithOtherContentBehindIt_IsNotShownAsWhatWasListed()
    {
        var reader = new FakeStoreReader { SignsListings = true };
        reader.Add(TestPaths.Hello, FakeTree.File("listed"));
        await using var mount = await TestMount.CreateAsync(reader);
        Run("ls", "-l", mount.Store);

        reader.Remove(TestPaths.Hello, announce: false);
        reader.Add(TestPaths.Hello, FakeTree.File("others"), announce: false);

        Assert.ThrowsAny<IOException>(() => File.ReadAllText(Path.Join(mount.Store, TestPaths.Hello)));
    }

    [Fact]
    public async Task SecondWalk_AsksNothing()
    {
        var reader = new FakeStoreReader();
        for (var i = 0; i < 100; i++)
        {
            reader.Add(TestPaths.Numbered(i), TestPaths.HelloTree);
        }

        await using var mount = await TestMount.CreateAsync(reader);
        var first = Run("find", mount.Path, "-printf", "%p %y %m %T@ %s\n");
        var requests = mount.Session.GetStatistics();
        Assert.Equal(first, Run("find", mount.Path, "-printf", "%p %y %m %T@ %s\n"));

        var again = mount.Session.GetStatistics();
        Assert.True(
            again.Total == requests.Total,
            string.Join(", ", again.Requests.Select(r => $"{r.Key}: {r.Value - requests.Requests.GetValueOrDefault(r.Key)}").Where(r => !r.EndsWith(": 0", StringComparison.Ordinal))));
    }

    /// <summary>overlayfs keeps a file handle of the lower file, and looks for it by that alone when the kernel has dropped its name or its inode.</summary>
    [Theory]
    [InlineData("xino=on")]
    [InlineData("metacopy=on")]
    [InlineData("redirect_dir=on")]
    [InlineData("index=on")]
    public async Task FileOfAnOverlay_StaysUsableAfterMemoryPressure(string option)
    {
        if (Environment.UserName != "root")
        {
            Assert.Skip("mounting an overlay and dropping the kernel's caches takes root");
        }

        var reader = new FakeStoreReader();
        reader.Add(TestPaths.Hello, TestPaths.HelloTree);
        await using var mount = await TestMount.CreateAsync(reader);
        var upper = Directory.CreateTempSubdirectory("nixfuse-overlay-").FullName;
        var merged = Path.Join(upper, "m");
        Run("mount", "-t", "tmpfs", "upper", upper);
        try
        {
            foreach (var name in new[] { "u", "w", "m" })
            {
                Directory.CreateDirectory(Path.Join(upper, name));
            }

            Run("mount", "-t", "overlay", "overlay", "-o", $"lowerdir={mount.Store},upperdir={upper}/u,workdir={upper}/w,{option}", merged);
            var readme = Path.Join(merged, TestPaths.Hello, "share/readme");
            File.AppendAllText(readme, "more\n");
            File.WriteAllText("/proc/sys/vm/drop_caches", "2");

            Assert.EndsWith("more\n", File.ReadAllText(readme), StringComparison.Ordinal);
            Assert.Equal("fine\n", Run("stat", "-c", "fine", readme));
        }
        finally
        {
            Run("umount", "--recursive", upper);
            Directory.Delete(upper);
        }
    }

    [Fact]
    public async Task ExtendedAttributes_AreAnEmptyList()
    {
        var reader = new FakeStoreReader();
        reader.Add(TestPaths.Hello, TestPaths.HelloTree);
        await using var mount = await TestMount.CreateAsync(reader);
        var file = Path.Join(mount.Store, TestPaths.Hello, "share/readme");

        Assert.Equal(0, ListAttributes(file, new byte[256], 256));
        Assert.Equal(0, ListAttributes(file, null, 0));

        [System.Runtime.InteropServices.DllImport("libc", EntryPoint = "listxattr")]
        static extern nint ListAttributes([System.Runtime.InteropServices.MarshalAs(System.Runtime.InteropServices.UnmanagedType.LPUTF8Str)] string path, byte[]? list, nuint bytes);
    }

    [Fact]
    public async Task LookupThatGetsNoAnswer_IsEioWithinItsDeadline()
    {
        var reader = new FakeStoreReader { Network = token => Task.Delay(Timeout.Infinite, token) };
        await using var mount = await TestMount.CreateAsync(reader);
        var clock = Stopwatch.StartNew();

        var error = await Assert.ThrowsAnyAsync<IOException>(() => File.ReadAllTextAsync(Path.Join(mount.Store, TestPaths.Hello), TestContext.Current.CancellationToken));

        Assert.IsNotType<FileNotFoundException>(error);
        Assert.InRange(clock.Elapsed, TimeSpan.FromSeconds(0.9), TimeSpan.FromSeconds(30));
    }

    [Fact]
    public async Task KnownContent_IsServedWhileTheServerIsAway()
    {
        var reader = new FakeStoreReader();
        reader.Add(TestPaths.Hello, TestPaths.HelloTree);
        await using var mount = await TestMount.CreateAsync(reader);
        var readme = Path.Join(mount.Store, TestPaths.Hello, "share/readme");
        var content = File.ReadAllText(readme);

        reader.Network = FakeStoreReader.Away;

        Assert.Equal(content, File.ReadAllText(readme));
        Assert.ThrowsAny<IOException>(() => File.ReadAllText(Path.Join(mount.Store, TestPaths.Hello, "lib/libhello.so.1")));
        reader.Network = null;
        Assert.Equal(300_000, File.ReadAllBytes(Path.Join(mount.Store, TestPaths.Hello, "lib/libhello.so.1")).Length);
    }

    [Fact]
    public async Task MountWhoseProcessDied_IsRecognised_AndTheNextOneShowsTheSameInodes()
    {
        using var ids = Libc.CreateMemoryFile("test");
        var options = new StoreFileSystemOptions { NodeIds = ids };
        var reader = new FakeStoreReader();
        reader.Add(TestPaths.Other, TestPaths.HelloTree);
        reader.Add(TestPaths.Hello, TestPaths.HelloTree);
        ulong inode;
        string mountPoint;
        await using (var mount = await TestMount.CreateAsync(reader, options))
        {
            mountPoint = mount.Path;
            Assert.Equal(2, Names(mount.Store).Length);
            inode = InodeOf(Path.Join(mount.Store, TestPaths.Hello, "share/readme"));

            // What is left when the process is killed: the kernel's side, with attributes that it goes on answering from.
            await mount.DieAsync();
            var problem = Assert.Throws<FuseMountException>(() => FuseMount.Create(mountPoint)).Problem;
            Assert.Equal(FuseMountProblem.Stale, problem);
            Assert.True(FuseMount.TryUnmount(mountPoint, lazyWhenBusy: false));
            FuseMount.Create(mountPoint).TryUnmount(lazyWhenBusy: false);
        }

        await using (var mount = await TestMount.CreateAsync(reader, options))
        {
            Assert.Equal(inode, InodeOf(Path.Join(mount.Store, TestPaths.Hello, "share/readme")));
        }
    }

    private static ulong InodeOf(string path) => ulong.Parse(Run("stat", "-c", "%i", path), System.Globalization.CultureInfo.InvariantCulture);

    internal static string[] Names(string directory)
        => [.. Directory.EnumerateFileSystemEntries(directory).Select(entry => Path.GetFileName(entry)!).Order(StringComparer.Ordinal)];

    private static async Task EventuallyAsync(Func<bool> condition)
    {
        var clock = Stopwatch.StartNew();
        while (!condition())
        {
            Assert.True(clock.Elapsed < VisibleWithin, "not visible");
            await Task.Delay(20);
        }
    }

    private static string Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var output = process.StandardOutput.ReadToEnd();
        Assert.Equal("", process.StandardError.ReadToEnd());
        process.WaitForExit();
        return output;
    }
}
