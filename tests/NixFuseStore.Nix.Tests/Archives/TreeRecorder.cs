using System.Buffers;
using System.Text;
using NixFuseStore.Nix.Archives;

namespace NixFuseStore.Nix.Tests.Archives;

/// <summary>Builds the model of the tree whose events it receives, and insists on their rules.</summary>
internal sealed class TreeRecorder : INarVisitor
{
    private readonly Stack<(byte[] Name, SortedDictionary<byte[], TreeModel> Children)> _open = [];
    private ArrayBufferWriter<byte>? _contents;
    private byte[] _fileName = [];
    private bool _executable;
    private ulong _size;

    internal TreeModel? Root { get; private set; }

    public void EnterDirectory(ReadOnlySpan<byte> name) => _open.Push((name.ToArray(), TreeModel.NewChildren()));

    public void LeaveDirectory()
    {
        var (name, children) = _open.Pop();
        Add(name, new TreeModel.DirectoryNode(children));
    }

    public void BeginFile(ReadOnlySpan<byte> name, bool executable, ulong size)
    {
        Assert.Null(_contents);
        _contents = new ArrayBufferWriter<byte>();
        (_fileName, _executable, _size) = (name.ToArray(), executable, size);
    }

    public void FileData(ReadOnlySpan<byte> data) => _contents!.Write(data);

    public void EndFile()
    {
        byte[] contents = _contents!.WrittenSpan.ToArray();
        _contents = null;
        Assert.Equal(_size, (ulong)contents.Length);
        Add(_fileName, new TreeModel.FileNode(_executable, contents));
    }

    public void Symlink(ReadOnlySpan<byte> name, ReadOnlySpan<byte> target) => Add(name.ToArray(), new TreeModel.LinkNode(target.ToArray()));

    private void Add(byte[] name, TreeModel node)
    {
        if (_open.TryPeek(out var directory))
        {
            Assert.True(NarLimits.IsEntryName(name));
            Assert.True(
                directory.Children.Count == 0 || directory.Children.Keys.Last().AsSpan().SequenceCompareTo(name) < 0,
                $"'{Encoding.UTF8.GetString(name)}' comes out of order.");
            directory.Children.Add(name, node);
        }
        else
        {
            Assert.Null(Root);
            Assert.Empty(name);
            Root = node;
        }
    }
}
