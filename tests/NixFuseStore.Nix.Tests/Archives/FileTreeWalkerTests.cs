using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using NixFuseStore.Nix.Archives;

namespace NixFuseStore.Nix.Tests.Archives;

public sealed class FileTreeWalkerTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("walker-").FullName;

    // .NET cannot delete what has a name that is not UTF-8.
    public void Dispose() => Run("rm", "-rf", _directory);

    [Fact]
    public void Walk_TreeOfTheVector_IsItsNar()
    {
        string root = Path.Combine(_directory, "tiny");
        Directory.CreateDirectory(Path.Combine(root, "bin"));
        File.WriteAllText(Path.Combine(root, "B"), "");
        File.WriteAllText(Path.Combine(root, "a"), "abcdefgh");
        File.WriteAllText(Path.Combine(root, "bin/run"), "#!/bin/sh\n");
        File.SetUnixFileMode(Path.Combine(root, "bin/run"), UnixFileMode.UserRead | UnixFileMode.UserExecute);
        File.CreateSymbolicLink(Path.Combine(root, "ln"), "a");

        Assert.Equal(NarVectors.Tiny, Archive(root));
    }

    [Fact]
    public void Walk_OneFile_IsItsNar()
    {
        string file = Path.Combine(_directory, "hello");
        File.WriteAllText(file, "hello\n");
        Assert.Equal(NarVectors.Hello, Archive(file));
    }

    [Fact]
    public void Walk_OneLink_IsNotFollowed()
    {
        string link = Path.Combine(_directory, "link");
        File.CreateSymbolicLink(link, "/nowhere");
        Assert.Equal(NarRoundTripTests.Write(new TreeModel.LinkNode("/nowhere"u8.ToArray())), Archive(link));
    }

    [Fact]
    public void Walk_GroupMayExecute_IsNotExecutable()
    {
        string file = Path.Combine(_directory, "hello");
        File.WriteAllText(file, "hello\n");
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
        Assert.Equal(NarVectors.Hello, Archive(file));
    }

    [Fact]
    public void Walk_HardLinks_AreTwoFiles()
    {
        File.WriteAllText(Path.Combine(_directory, "a"), "same");
        Run("ln", Path.Combine(_directory, "a"), Path.Combine(_directory, "b"));

        var children = TreeModel.NewChildren();
        children["a"u8.ToArray()] = children["b"u8.ToArray()] = new TreeModel.FileNode(false, "same"u8.ToArray());
        Assert.Equal(NarRoundTripTests.Write(new TreeModel.DirectoryNode(children)), Archive(_directory));
    }

    // Names that are not UTF-8 exist in some packages' test data.
    [Fact]
    public void Walk_NameThatIsNotUtf8_KeepsItsBytes()
    {
        Run("sh", "-c", $"printf x > \"{_directory}/$(printf '\\377\\376')\"");

        var children = TreeModel.NewChildren();
        children[[0xff, 0xfe]] = new TreeModel.FileNode(false, "x"u8.ToArray());
        Assert.Equal(NarRoundTripTests.Write(new TreeModel.DirectoryNode(children)), Archive(_directory));
    }

    [Fact]
    public void Walk_Socket_IsRefusedByName()
    {
        string path = Path.Combine(_directory, "socket");
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(path));

        var exception = Assert.Throws<FileTreeException>(() => Archive(_directory));
        Assert.StartsWith(path, exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Walk_Pipe_IsRefusedAndDoesNotBlock()
    {
        Run("mkfifo", Path.Combine(_directory, "pipe"));

        Assert.Throws<FileTreeException>(() => Archive(_directory));
    }

    [Fact]
    public void Walk_Device_IsRefused() => Assert.Throws<FileTreeException>(() => Archive("/dev/null"));

    [Fact]
    public void Walk_NothingThere_SaysSo()
    {
        string path = Path.Combine(_directory, "nothing");
        var exception = Assert.Throws<FileTreeException>(() => Archive(path));
        Assert.Equal($"{path} cannot be read: No such file or directory.", exception.Message);
    }

    [Theory]
    [InlineData(1_000_000)]
    [InlineData(10)]
    public void Walk_FileThatChangesWhileRead_IsRefused(int newLength)
    {
        string file = Path.Combine(_directory, "changing");
        File.WriteAllBytes(file, new byte[600_000]);
        var visitor = new ActingVisitor(() =>
        {
            using var stream = File.OpenWrite(file);
            stream.SetLength(newLength);
        });

        var exception = Assert.Throws<FileTreeException>(() => FileTreeWalker.Walk(file, visitor, TestContext.Current.CancellationToken));
        Assert.StartsWith(file, exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Walk_Cancelled_Stops()
    {
        string file = Path.Combine(_directory, "large");
        File.WriteAllBytes(file, new byte[2_000_000]);
        using var source = new CancellationTokenSource();
        var visitor = new ActingVisitor(source.Cancel);
        Assert.Throws<OperationCanceledException>(() => FileTreeWalker.Walk(file, visitor, source.Token));
        Assert.Equal(1, visitor.Reads);
    }

    [Fact]
    public void Walk_RandomTreesOnDisk_AreTheirNars()
    {
        int seed = Random.Shared.Next();
        var random = new Random(seed);
        for (int i = 0; i < 30; i++)
        {
            var tree = TreeModel.Random(random);
            string path = Path.Combine(_directory, $"tree{i}");
            if (!TryWriteToDisk(tree, path))
            {
                continue;
            }

            Assert.True(NarRoundTripTests.Write(tree).AsSpan().SequenceEqual(Archive(path)), $"Seed {seed}, tree {i}.");
        }
    }

    // .NET's calls cannot make names that are not UTF-8; such trees are left out.
    private static bool TryWriteToDisk(TreeModel tree, string path)
    {
        switch (tree)
        {
            case TreeModel.FileNode file:
                File.WriteAllBytes(path, file.Contents);
                File.SetUnixFileMode(path, file.Executable ? UnixFileMode.UserRead | UnixFileMode.UserExecute : UnixFileMode.UserRead);
                return true;
            case TreeModel.LinkNode link when TryDecode(link.Target, out string target):
                File.CreateSymbolicLink(path, target);
                return true;
            case TreeModel.DirectoryNode directory:
                Directory.CreateDirectory(path);
                return directory.Children.All(child =>
                    TryDecode(child.Key, out string name) && TryWriteToDisk(child.Value, Path.Combine(path, name)));
            default:
                return false;
        }
    }

    private static bool TryDecode(byte[] bytes, out string text)
    {
        text = Encoding.UTF8.GetString(bytes);
        return Encoding.UTF8.GetBytes(text).AsSpan().SequenceEqual(bytes);
    }

    private static void Run(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }

    private static byte[] Archive(string path)
    {
        var nar = new MemoryStream();
        FileTreeWalker.Walk(path, new NarWriter(nar), TestContext.Current.CancellationToken);
        return nar.ToArray();
    }

    // Does something at the first bytes of the first file.
    private sealed class ActingVisitor(Action action) : INarVisitor
    {
        internal int Reads { get; private set; }

        public void EnterDirectory(ReadOnlySpan<byte> name)
        {
        }

        public void LeaveDirectory()
        {
        }

        public void BeginFile(ReadOnlySpan<byte> name, bool executable, ulong size)
        {
        }

        public void FileData(ReadOnlySpan<byte> data)
        {
            if (Reads++ == 0)
            {
                action();
            }
        }

        public void EndFile()
        {
        }

        public void Symlink(ReadOnlySpan<byte> name, ReadOnlySpan<byte> target)
        {
        }
    }
}
