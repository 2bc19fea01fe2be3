using System.Text;
using NixFuseStore.Nix;
using NixFuseStore.Nix.Archives;

namespace NixFuseStore.Content.Tests;

/// <summary>A file tree in memory that sends its events, in pieces of a given size.</summary>
internal abstract record SampleTree
{
    public sealed record File(byte[] Content, bool Executable = false) : SampleTree
    {
        public File(string content)
            : this(Encoding.UTF8.GetBytes(content))
        {
        }
    }

    public sealed record Link(string Target) : SampleTree;

    public sealed record Folder(params (string Name, SampleTree Node)[] Children) : SampleTree;

    public void Send(INarVisitor visitor, int pieceBytes = int.MaxValue, string name = "")
    {
        var bytes = Encoding.UTF8.GetBytes(name);
        switch (this)
        {
            case File file:
                visitor.BeginFile(bytes, file.Executable, (ulong)file.Content.Length);
                for (var at = 0; at < file.Content.Length;)
                {
                    var length = Math.Min(pieceBytes, file.Content.Length - at);
                    visitor.FileData(file.Content.AsSpan(at, length));
                    at += length;
                }

                visitor.EndFile();
                break;
            case Link link:
                visitor.Symlink(bytes, Encoding.UTF8.GetBytes(link.Target));
                break;
            case Folder folder:
                visitor.EnterDirectory(bytes);
                foreach (var (childName, child) in folder.Children.OrderBy(child => Encoding.UTF8.GetBytes(child.Name), ByteOrder.Instance))
                {
                    child.Send(visitor, pieceBytes, childName);
                }

                visitor.LeaveDirectory();
                break;
        }
    }

    public Manifest Build(IChunkSink sink, int pieceBytes = int.MaxValue, StoreDirectory? directory = null)
    {
        var builder = new ContentBuilder(directory ?? StoreDirectory.Default, sink);
        Send(builder, pieceBytes);
        return builder.Finish();
    }

    public Manifest Build() => Build(new MemoryChunks());

    public byte[] ToNar()
    {
        using var stream = new MemoryStream();
        Send(new NarWriter(stream));
        return stream.ToArray();
    }

    private sealed class ByteOrder : IComparer<byte[]>
    {
        public static readonly ByteOrder Instance = new();

        public int Compare(byte[]? x, byte[]? y) => x.AsSpan().SequenceCompareTo(y);
    }
}
