using System.Diagnostics;
using NixFuseStore.Fuse.Mounting;
using NixFuseStore.Fuse.Sessions;
using NixFuseStore.Fuse.Tests.Trees;
using NixFuseStore.Native.Linux;
using NixFuseStore.Testing.Users;

namespace NixFuseStore.Fuse.Tests.Mounting;

/// <summary>Mounts through <c>fusermount3</c>, as an ordinary user does. Root becomes one by starting this test again.</summary>
public sealed class HelperMountTests
{
    /// <summary>
    /// Runs its arguments as nobody, in a mount namespace where everybody may open /dev/fuse: that is what udev sets up, but
    /// not every machine that tests run on has udev.
    /// </summary>
    private const string AsNobody =
        """
        set -e
        mount -t tmpfs none /media
        mknod -m 666 /media/fuse c 10 229
        mount --bind /media/fuse /dev/fuse
        exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
        """;

    [Fact]
    public async Task OrdinaryUser_MountsReadsAndUnmounts()
    {
        SkipUnlessPossible();
        if (Libc.EffectiveUserId == 0)
        {
            await RepeatAsNobodyAsync(nameof(OrdinaryUser_MountsReadsAndUnmounts));
            return;
        }

        var tree = new TreeFileSystem();
        tree.AddFile(tree.Root, "file", "content"u8.ToArray());
        var path = Directory.CreateTempSubdirectory("fuse-test-").FullName;
        using (var mount = FuseMount.Create(path, new FuseMountOptions { Source = @"a,b\c" }))
        {
            Assert.True(mount.IsUnprivileged);
            var session = new FuseSession(mount.Channel, tree);
            session.Start();
            await session.Connection.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
            mount.RemountReadOnly();
            Assert.False(mount.SetReadAhead(1024)); // sysfs is root's
            Assert.Equal("content", await File.ReadAllTextAsync(Path.Combine(path, "file"), TestContext.Current.CancellationToken));
            Assert.Throws<IOException>(() => File.WriteAllText(Path.Combine(path, "new"), ""));

            var entry = MountTable.Find(path)!;
            Assert.Equal((@"fuse.nixfuse", @"a,b\c"), (entry.Type, entry.Source));
            Assert.Contains("ro", entry.Options);

            await using (File.OpenRead(Path.Combine(path, "file")))
            {
                Assert.False(mount.TryUnmount(lazyWhenBusy: false));
            }

            Assert.True(mount.TryUnmount(lazyWhenBusy: false));
            Assert.Equal(FuseSessionEnd.Unmounted, await session.Completion.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken));
        }

        Directory.Delete(path);
    }

    [Fact]
    public async Task OrdinaryUser_MayNotMountOverOthersDirectories()
    {
        SkipUnlessPossible();
        if (Libc.EffectiveUserId == 0)
        {
            await RepeatAsNobodyAsync(nameof(OrdinaryUser_MayNotMountOverOthersDirectories));
            return;
        }

        var exception = Assert.Throws<FuseMountException>(() => FuseMount.Create("/usr", new FuseMountOptions { AllowNonEmpty = true }));
        Assert.Equal(FuseMountProblem.NotPermitted, exception.Problem);
        Assert.StartsWith("cannot mount at /usr: fusermount3: ", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task MissingHelper_IsNamed()
    {
        if (Libc.EffectiveUserId == 0)
        {
            await RepeatAsNobodyAsync(nameof(MissingHelper_IsNamed), "env", "PATH=/nowhere");
            return;
        }

        Assert.Equal("/nowhere", Environment.GetEnvironmentVariable("PATH"));
        var path = Directory.CreateTempSubdirectory("fuse-test-").FullName;
        var exception = Assert.Throws<FuseMountException>(() => FuseMount.Create(path));
        Directory.Delete(path);
        Assert.Equal(FuseMountProblem.NoHelper, exception.Problem);
        Assert.Contains("fusermount3 is missing", exception.Message, StringComparison.Ordinal);
    }

    private static void SkipUnlessPossible()
    {
        if (!File.Exists("/dev/fuse"))
        {
            Assert.Skip("/dev/fuse is missing");
        }

        if (!File.Exists("/usr/bin/fusermount3") && !File.Exists("/bin/fusermount3"))
        {
            Assert.Skip("fusermount3 is missing");
        }
    }

    private static async Task RepeatAsNobodyAsync(string method, params string[] prefix)
    {
        if (!File.Exists("/usr/bin/setpriv") || !File.Exists("/usr/bin/unshare"))
        {
            Assert.Skip("setpriv or unshare is missing, which make an ordinary user of root");
        }

        var isHosted = Path.GetFileName(Environment.ProcessPath) == "dotnet";
        var program = isHosted ? Environment.ProcessPath! : ReachablePrograms.WithDirectory(Environment.ProcessPath!);
        var start = new ProcessStartInfo("/usr/bin/unshare", ["--mount", "--propagation", "private", "sh", "-c", AsNobody, "sh", .. prefix, program])
        {
            WorkingDirectory = "/",
            RedirectStandardOutput = true,
        };
        if (isHosted)
        {
            start.ArgumentList.Add(ReachablePrograms.WithDirectory(typeof(HelperMountTests).Assembly.Location));
        }

        start.ArgumentList.Add("-method");
        start.ArgumentList.Add($"{typeof(HelperMountTests).FullName}.{method}");
        start.Environment["HOME"] = "/tmp";
        using var process = Process.Start(start)!;
        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode == 0, output);
        Assert.Contains("Total: 1, Errors: 0, Failed: 0, Skipped: 0", output, StringComparison.Ordinal);
    }
}
