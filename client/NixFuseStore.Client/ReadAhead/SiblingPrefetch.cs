using NixFuseStore.Content;

namespace NixFuseStore.Client.ReadAhead;

/// <summary>Where in the stream a file's neighbours lie.</summary>
internal static class SiblingPrefetch
{
    /// <summary>Describes a read for the read-ahead. The neighbours of a file are all that lies below its directory.</summary>
    public static ReadAccess Describe(ManifestTree tree, int entry, long start, int length, bool missed)
    {
        var fileStart = (long)tree.StreamOffset(entry);
        var fileEnd = fileStart + (long)tree.Size(entry);
        var nearStart = fileStart;
        var nearEnd = fileEnd;
        if (missed)
        {
            // All content below a directory lies in one piece, which begins at its offset and ends where the content of the next
            // entry that follows it begins.
            var directory = tree.Parent(entry);
            nearStart = (long)tree.StreamOffset(directory);
            nearEnd = EndOf(tree, directory);
        }

        return new ReadAccess(start, start + length, fileStart, fileEnd, nearStart, nearEnd, missed);
    }

    private static long EndOf(ManifestTree tree, int directory)
    {
        while (directory != 0)
        {
            var parent = tree.Parent(directory);
            var (first, count) = tree.Children(parent);
            if (directory + 1 < first + count)
            {
                return (long)tree.StreamOffset(directory + 1);
            }

            directory = parent;
        }

        return tree.StreamLength;
    }
}
