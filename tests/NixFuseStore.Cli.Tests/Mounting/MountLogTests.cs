using Microsoft.Win32.SafeHandles;
using NixFuseStore.Cli.Mounting;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Cli.Tests.Mounting;

public sealed class MountLogTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("nixfuse-log-");
    private SafeFileHandle? _file;

    public void Dispose()
    {
        _file?.Dispose();
        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task File_WhileLinesGoOnComing_StaysWithinItsBound()
    {
        var path = Path.Join(_folder.FullName, "mount.log");
        var written = 0;
        await using (var log = new MountLog(
            bytes =>
            {
                Append(bytes);
                Interlocked.Increment(ref written);
            },
            Redirect))
        {
            log.MoveTo(path);
            for (var i = 0; i < 3000; i++)
            {
                log.Write($"{i} {new string('x', 4000)}");
                while (Volatile.Read(ref written) <= i)
                {
                    await Task.Yield();
                }
            }
        }

        Assert.InRange(new FileInfo(path).Length, 1, MountLog.FileBytesMax + 5000);
        Assert.InRange(new FileInfo(path + ".old").Length, 1, MountLog.FileBytesMax + 5000);
        Assert.Contains(" 2999 xxx", File.ReadAllText(path), StringComparison.Ordinal);
        Assert.Equal(2, _folder.GetFiles().Length);
    }

    [Fact]
    public async Task MoveTo_LinesOfBefore_AreInTheFileToo()
    {
        var path = Path.Join(_folder.FullName, "mount.log");
        var terminal = 0;
        await using (var log = new MountLog(
            bytes =>
            {
                if (_file is null)
                {
                    Interlocked.Increment(ref terminal);
                }
                else
                {
                    Append(bytes);
                }
            },
            Redirect))
        {
            log.Write("said while it began");
            while (Volatile.Read(ref terminal) == 0)
            {
                await Task.Yield();
            }

            log.MoveTo(path);
            log.Write("said later");
        }

        var lines = File.ReadAllLines(path);
        Assert.Equal(2, lines.Length);
        Assert.EndsWith(" said while it began", lines[0], StringComparison.Ordinal);
        Assert.EndsWith(" said later", lines[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Place_ThatTakesNothing_HoldsUpNoCaller_AndDropsAreTold()
    {
        using var blocked = new ManualResetEventSlim();
        var lines = new List<string>();
        var log = new MountLog(
            bytes =>
            {
                blocked.Wait();
                lines.Add(System.Text.Encoding.UTF8.GetString(bytes));
            },
            Redirect);
        for (var i = 0; i < 5000; i++)
        {
            log.Write("line");
        }

        blocked.Set();
        await log.DisposeAsync();
        Assert.InRange(lines.Count, 1000, 1100);
        Assert.Contains(lines, line => line.Contains("lines were dropped", StringComparison.Ordinal));
    }

    [Fact]
    public async Task TextOfOthers_CannotActOnATerminal()
    {
        var lines = new List<string>();
        await using (var log = new MountLog(bytes => lines.Add(System.Text.Encoding.UTF8.GetString(bytes)), Redirect))
        {
            log.Write("bell \a escape \u001b[2J newline \n turned \u202e end");
        }

        Assert.EndsWith("bell \\x07 escape \\x1b[2J newline \\x0a turned \\u202e end\n", Assert.Single(lines), StringComparison.Ordinal);
    }

    private void Redirect(SafeFileHandle file)
    {
        // As dup2 does: the place stays open when the caller closes its own handle.
        _file?.Dispose();
        _file = Libc.OpenForAppending(new FileInfo($"/proc/self/fd/{file.DangerousGetHandle()}").LinkTarget!);
    }

    private void Append(ReadOnlySpan<byte> bytes) => RandomAccess.Write(_file!, bytes, RandomAccess.GetLength(_file!));
}
