using System.Text;
using NixFuseStore.Nix.Archives;

namespace NixFuseStore.Client.Tests.Fixtures;

/// <summary>A file tree in memory, to be pushed and compared with what is read.</summary>
internal sealed class SourceEntry
{
    public byte[]? Content { get; init; }

    public bool IsExecutable { get; init; }

    public string? Target { get; init; }

    public SortedDictionary<string, SourceEntry>? Children { get; init; }

    public static SourceEntry File(byte[] content) => new() { Content = content };

    public static SourceEntry File(string content) => File(Encoding.UTF8.GetBytes(content));

    public static SourceEntry Link(string target) => new() { Target = target };

    public static SourceEntry Directory(params (string Name, SourceEntry Entry)[] children)
    {
        var sorted = new SortedDictionary<string, SourceEntry>(StringComparer.Ordinal);
        foreach (var (name, entry) in children)
        {
            sorted.Add(name, entry);
        }

        return new SourceEntry { Children = sorted };
    }

    public void Send(INarVisitor visitor, string name = "")
    {
        var bytes = Encoding.UTF8.GetBytes(name);
        if (Children is { } children)
        {
            visitor.EnterDirectory(bytes);
            foreach (var (child, entry) in children)
            {
                entry.Send(visitor, child);
            }

            visitor.LeaveDirectory();
        }
        else if (Target is { } target)
        {
            visitor.Symlink(bytes, Encoding.UTF8.GetBytes(target));
        }
        else
        {
            visitor.BeginFile(bytes, IsExecutable, (ulong)Content!.Length);
            visitor.FileData(Content);
            visitor.EndFile();
        }
    }
}
