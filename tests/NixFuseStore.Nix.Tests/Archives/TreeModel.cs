using System.Text;
using NixFuseStore.Nix.Archives;

namespace NixFuseStore.Nix.Tests.Archives;

/// <summary>A file tree in memory, to compare events with.</summary>
internal abstract record TreeModel
{
    internal sealed record FileNode(bool Executable, byte[] Contents) : TreeModel
    {
        internal override void Send(INarVisitor visitor, byte[] name)
        {
            visitor.BeginFile(name, Executable, (ulong)Contents.Length);
            for (int offset = 0; offset < Contents.Length; offset += 5000)
            {
                visitor.FileData(Contents.AsSpan(offset, Math.Min(5000, Contents.Length - offset)));
            }

            visitor.EndFile();
        }

        internal override string Describe() => $"file({(Executable ? "x" : "-")},{Convert.ToHexString(Contents)})";
    }

    internal sealed record LinkNode(byte[] Target) : TreeModel
    {
        internal override void Send(INarVisitor visitor, byte[] name) => visitor.Symlink(name, Target);

        internal override string Describe() => $"link({Convert.ToHexString(Target)})";
    }

    internal sealed record DirectoryNode(SortedDictionary<byte[], TreeModel> Children) : TreeModel
    {
        internal override void Send(INarVisitor visitor, byte[] name)
        {
            visitor.EnterDirectory(name);
            foreach (var (childName, child) in Children)
            {
                child.Send(visitor, childName);
            }

            visitor.LeaveDirectory();
        }

        internal override string Describe()
        {
            var text = new StringBuilder("dir(");
            foreach (var (name, child) in Children)
            {
                text.Append(Convert.ToHexString(name)).Append('=').Append(child.Describe()).Append(';');
            }

            return text.Append(')').ToString();
        }
    }

    internal static SortedDictionary<byte[], TreeModel> NewChildren() =>
        new(Comparer<byte[]>.Create((left, right) => left.AsSpan().SequenceCompareTo(right)));

    internal abstract void Send(INarVisitor visitor, byte[] name);

    internal abstract string Describe();

    /// <summary>A tree as random as its seed, at most a few directories deep.</summary>
    internal static TreeModel Random(Random random, int depth = 0)
    {
        int kind = random.Next(depth == 0 ? 8 : depth > 4 ? 6 : 10);
        if (kind < 4)
        {
            var contents = new byte[random.Next(4) switch { 0 => 0, 1 => random.Next(20), 2 => random.Next(300), _ => random.Next(40_000) }];
            random.NextBytes(contents);
            return new FileNode(random.Next(2) == 0, contents);
        }

        if (kind < 6)
        {
            return new LinkNode(RandomBytes(random, NarLimits.TargetBytesMax, avoidSlash: false));
        }

        var children = NewChildren();
        for (int count = random.Next(8); count > 0; count--)
        {
            byte[] name = RandomBytes(random, NarLimits.NameBytesMax, avoidSlash: true);
            if (NarLimits.IsEntryName(name))
            {
                children[name] = Random(random, depth + 1);
            }
        }

        return new DirectoryNode(children);
    }

    private static byte[] RandomBytes(Random random, int longest, bool avoidSlash)
    {
        var bytes = new byte[random.Next(10) == 0 ? longest : random.Next(1, 12)];
        for (int i = 0; i < bytes.Length; i++)
        {
            do
            {
                bytes[i] = random.Next(3) == 0 ? (byte)random.Next(1, 256) : (byte)random.Next('a', 'e');
            }
            while (avoidSlash && bytes[i] == '/');
        }

        return bytes;
    }
}
