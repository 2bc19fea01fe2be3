using System.Text;
using NixFuseStore.Native.Files;

namespace NixFuseStore.Native.Tests.Files;

public sealed class FileNodeTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("file-node-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void ReadEntries_ManyFiles_NamesEachOnceWithItsKind()
    {
        for (int i = 0; i < 3000; i++)
        {
            File.WriteAllText(Path.Combine(_directory, $"a-file-with-a-rather-long-name-{i}"), "");
        }

        Directory.CreateDirectory(Path.Combine(_directory, "d"));
        File.CreateSymbolicLink(Path.Combine(_directory, "l"), "target");

        using var node = FileNode.Open(null, Encoding.UTF8.GetBytes(_directory));
        var entries = node.ReadEntries();
        Assert.Equal(3002, entries.Select(entry => Encoding.UTF8.GetString(entry.Name)).Distinct().Count());
        Assert.Equal(FileKind.Directory, FileNode.StatusOf(node, "d"u8).Kind);
        Assert.Equal(FileKind.Symlink, FileNode.StatusOf(node, "l"u8).Kind);
        Assert.Equal("target"u8.ToArray(), FileNode.TargetOf(node, "l"u8));
    }

    [Fact]
    public void Status_OfAnExecutable_HasSizeAndBit()
    {
        string path = Path.Combine(_directory, "run");
        File.WriteAllText(path, "#!/bin/sh\n");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        File.SetLastWriteTimeUtc(path, DateTime.UnixEpoch.AddSeconds(1));

        using var node = FileNode.Open(null, Encoding.UTF8.GetBytes(path));
        Assert.Equal(new FileStatus(FileKind.Regular, true, 10, 1, 0), node.Status());
        var buffer = new byte[20];
        Assert.Equal(10, node.Read(buffer));
        Assert.Equal(0, node.Read(buffer));
    }

    [Fact]
    public void Open_Link_IsRefused()
    {
        File.CreateSymbolicLink(Path.Combine(_directory, "l"), "/etc/passwd");
        Assert.Throws<IOException>(() => FileNode.Open(null, Encoding.UTF8.GetBytes(Path.Combine(_directory, "l"))));
    }

    [Fact]
    public void Open_MissingFile_SaysSo()
    {
        var exception = Assert.Throws<IOException>(() => FileNode.Open(null, Encoding.UTF8.GetBytes(Path.Combine(_directory, "nothing"))));
        Assert.Equal("No such file or directory", exception.Message);
    }
}
