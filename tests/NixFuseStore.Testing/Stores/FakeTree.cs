using System.Text;
using NixFuseStore.Nix.Archives;

namespace NixFuseStore.Testing.Stores;

/// <summary>A small file tree written down in a test.</summary>
public abstract record FakeTree
{
    public static FakeTree File(string content, bool executable = false) => new FakeFile(Encoding.UTF8.GetBytes(content), executable);

    public static FakeTree File(byte[] content, bool executable = false) => new FakeFile(content, executable);

    public static FakeTree Link(string target) => new FakeLink(target);

    public static FakeTree Directory(params (string Name, FakeTree Tree)[] children) => new FakeDirectory(children);

    /// <summary>Sends the tree in canonical order.</summary>
    public void Send(INarVisitor visitor) => Send(default, visitor);

    protected abstract void Send(ReadOnlySpan<byte> name, INarVisitor visitor);

    private sealed record FakeFile(byte[] Content, bool Executable) : FakeTree
    {
        protected override void Send(ReadOnlySpan<byte> name, INarVisitor visitor)
        {
            visitor.BeginFile(name, Executable, (ulong)Content.Length);
            visitor.FileData(Content);
            visitor.EndFile();
        }
    }

    private sealed record FakeLink(string Target) : FakeTree
    {
        protected override void Send(ReadOnlySpan<byte> name, INarVisitor visitor) => visitor.Symlink(name, Encoding.UTF8.GetBytes(Target));
    }

    private sealed record FakeDirectory((string Name, FakeTree Tree)[] Children) : FakeTree
    {
        protected override void Send(ReadOnlySpan<byte> name, INarVisitor visitor)
        {
            visitor.EnterDirectory(name);
            foreach (var (child, tree) in Children.OrderBy(child => child.Name, StringComparer.Ordinal))
            {
                tree.Send(Encoding.UTF8.GetBytes(child), visitor);
            }

            visitor.LeaveDirectory();
        }
    }
}
