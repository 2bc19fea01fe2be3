using System.Text;
using Microsoft.Win32.SafeHandles;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Native.Tests.Linux;

public sealed class LibcTests
{
    [Fact]
    public void Exception_SaysWhatFailedAndWhy()
    {
        var exception = new LinuxException("mount /mnt/nix", Errno.EBUSY);
        Assert.Equal("mount /mnt/nix: Device or resource busy", exception.Message);
        Assert.Equal(Errno.EBUSY, exception.Error);
    }

    [Theory]
    [InlineData(Errno.EPERM, "Operation not permitted")]
    [InlineData(Errno.ENOENT, "No such file or directory")]
    [InlineData(Errno.EAGAIN, "Resource temporarily unavailable")]
    [InlineData(Errno.ENODEV, "No such device")]
    [InlineData(Errno.ENOTTY, "Inappropriate ioctl for device")]
    [InlineData(Errno.EROFS, "Read-only file system")]
    [InlineData(Errno.ENAMETOOLONG, "File name too long")]
    [InlineData(Errno.ENOSYS, "Function not implemented")]
    [InlineData(Errno.ENOTEMPTY, "Directory not empty")]
    [InlineData(Errno.ELOOP, "Too many levels of symbolic links")]
    [InlineData(Errno.ENODATA, "No data available")]
    [InlineData(Errno.EPROTO, "Protocol error")]
    [InlineData(Errno.EOPNOTSUPP, "Operation not supported")]
    [InlineData(Errno.ECONNABORTED, "Software caused connection abort")]
    [InlineData(Errno.ENOTCONN, "Transport endpoint is not connected")]
    [InlineData(Errno.ETIMEDOUT, "Connection timed out")]
    [InlineData(Errno.ESTALE, "Stale file handle")]
    public void Numbers_AreThoseOfTheSystem(Errno error, string words) => Assert.Equal(words, LinuxException.Describe(error));

    [Fact]
    public void GetMode_TellsKindsAndErrorsApart()
    {
        Assert.Equal(Errno.None, Libc.GetMode("/", out var mode));
        Assert.Equal(0x4000u, mode & 0xF000);
        Assert.Equal(Errno.ENOENT, Libc.GetMode("/nowhere", out _));
        Assert.Equal(Errno.ENOTDIR, Libc.GetMode("/etc/passwd/below", out _));
    }

    [Fact]
    public void ResolvePath_FollowsLinks()
    {
        Assert.Equal(Errno.None, Libc.ResolvePath("/proc/self/../1/..", out var resolved));
        Assert.Equal("/proc", resolved);
        Assert.Equal(Errno.ENOENT, Libc.ResolvePath("/nowhere", out _));
    }

    [Fact]
    public void Descriptor_TravelsOverASocket_AndIsCloseOnExec()
    {
        using var original = File.OpenHandle("/proc/self/status");
        var (ours, theirs) = Libc.CreateSocketPair();
        using (ours)
        using (theirs)
        {
            Assert.Equal(Errno.None, Libc.SendDescriptor(ours, original));
            Assert.Equal(Errno.None, Libc.ReceiveDescriptor(theirs, TimeSpan.FromSeconds(10), out var copy));
            using (copy)
            {
                Assert.NotEqual(original.DangerousGetHandle(), copy!.DangerousGetHandle());
                Span<byte> start = stackalloc byte[5];
                Assert.Equal(5, RandomAccess.Read(copy, start, 0));
                Assert.Equal("Name:", Encoding.ASCII.GetString(start));
                var flags = File.ReadAllLines($"/proc/self/fdinfo/{copy.DangerousGetHandle()}")[1];
                Assert.NotEqual(0, Convert.ToInt32(flags.Split('\t')[1], 8) & 0x80000);
            }
        }
    }

    [Fact]
    public void ReceiveDescriptor_FromAClosedSocket_GetsNone()
    {
        var (ours, theirs) = Libc.CreateSocketPair();
        using (theirs)
        {
            ours.Dispose();
            Assert.Equal(Errno.None, Libc.ReceiveDescriptor(theirs, TimeSpan.FromSeconds(10), out var descriptor));
            Assert.Null(descriptor);
        }
    }

    [Fact]
    public void Spawn_HandsOverArgumentsVariableAndDescriptor()
    {
        var (status, output) = Run(
            "sh",
            ["-c", "echo \"$0 $1\" >&2; echo $ANSWER; readlink /proc/self/fd/3; exit 7", "zero", "one two"],
            ("ANSWER", "42"),
            File.OpenHandle("/proc/self/status"));
        Assert.Equal(7, status);
        Assert.StartsWith("zero one two\n42\n/proc/", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Spawn_InheritsNothingThatWasOpenedHere()
    {
        var path = Path.GetTempFileName();
        Assert.Equal(Errno.None, Libc.OpenDevice(path, out var device));
        using (device)
        {
            var (_, output) = Run("sh", ["-c", "ls -l /proc/$$/fd"], null, null);
            Assert.Contains(" 2 -> pipe:", output, StringComparison.Ordinal);
            Assert.DoesNotContain(path, output, StringComparison.Ordinal);
        }

        File.Delete(path);
    }

    [Fact]
    public void WaitForExit_TellsSignalsApart() => Assert.Equal(128 + 9, Run("sh", ["-c", "kill -9 $$"], null, null).Status);

    [Fact]
    public void Spawn_OfAMissingProgram_SaysSo()
    {
        var (reader, writer) = Libc.CreatePipe();
        using (reader)
        using (writer)
        {
            Assert.Equal(Errno.ENOENT, Libc.Spawn("no-such-program", [], null, null, writer, out _));
        }
    }

    [Fact]
    public unsafe void WakeThread_EndsABlockingRead()
    {
        var (reader, writer) = Libc.CreatePipe();
        using (reader)
        using (writer)
        {
            nint id = 0;
            var outcome = Errno.None;
            using var noticed = new ManualResetEventSlim();
            using var mayEnd = new ManualResetEventSlim();
            var thread = new Thread(() =>
            {
                Volatile.Write(ref id, Libc.CurrentThread);
                byte one;
                outcome = Libc.Read((int)reader.DangerousGetHandle(), &one, 1, out _);
                noticed.Set();
                mayEnd.Wait(CancellationToken.None); // a thread that has ended must not be signalled
            });
            thread.Start();
            for (var i = 0; i < 10_000 && !noticed.Wait(1, TestContext.Current.CancellationToken); i++)
            {
                if (Volatile.Read(ref id) is not 0 and var target)
                {
                    Libc.WakeThread(target);
                }
            }

            mayEnd.Set();
            thread.Join();
            Assert.Equal(Errno.EINTR, outcome);
        }
    }

    private static (int Status, string Output) Run(string program, string[] arguments, (string, string)? variable, SafeFileHandle? inherited)
    {
        var (reader, writer) = Libc.CreatePipe();
        using var output = new StreamReader(new FileStream(reader, FileAccess.Read));
        int process;
        using (inherited)
        using (writer)
        {
            Assert.Equal(Errno.None, Libc.Spawn(program, arguments, variable, inherited, writer, out process));
        }

        var text = output.ReadToEnd();
        return (Libc.WaitForExit(process), text);
    }
}
