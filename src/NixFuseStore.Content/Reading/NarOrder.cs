using NixFuseStore.Nix.Archives;

namespace NixFuseStore.Content;

/// <summary>Walks a tree, which lies breadth-first, in the order in which a NAR has it.</summary>
internal static class NarOrder
{
    /// <summary>The entry that follows, -1 behind the last; leaves the directories that are complete.</summary>
    public static int Next(ManifestTree tree, int index, INarVisitor visitor)
    {
        var (first, count) = tree.Children(index);
        if (count > 0)
        {
            return first;
        }

        if (tree.Kind(index) == EntryKind.Directory)
        {
            visitor.LeaveDirectory();
        }

        while (index != 0)
        {
            var parent = tree.Parent(index);
            (first, count) = tree.Children(parent);
            if (index + 1 < first + count)
            {
                return index + 1;
            }

            visitor.LeaveDirectory();
            index = parent;
        }

        return -1;
    }
}
