using System.Buffers;
using NixFuseStore.Nix.Archives;

namespace NixFuseStore.Content;

/// <summary>
/// The NAR of a manifest as a sequence of pieces, without any content: for who sends content in ranges, or in another form than plain.
/// Only the tree is needed.
/// </summary>
public static class NarPieces
{
    /// <summary>Framing of many small entries in a row is handed out in pieces of about this many bytes.</summary>
    private const int FramingBytes = 64 << 10;

    /// <summary>The pieces in order. Those of framing are never empty; one of content comes for each regular file, empty or not.</summary>
    /// <param name="header">The manifest's header, whose hashes stand in link targets.</param>
    /// <param name="tree">Its tree.</param>
    public static IEnumerable<NarPiece> Enumerate(ManifestHeader header, ManifestTree tree)
    {
        ArgumentNullException.ThrowIfNull(header);
        ArgumentNullException.ThrowIfNull(tree);
        var output = new Output();
        var writer = new NarWriter(output);
        var target = new byte[NarLimits.TargetBytesMax];
        long framed = 0;
        for (var index = 0; index >= 0;)
        {
            Begin(writer, header, tree, index, target);
            if (tree.Kind(index) == EntryKind.Regular)
            {
                var size = tree.Size(index);

                // The writer hands out its framing before it lets the content pass.
                var contentStart = (long)writer.Length;
                writer.SkipFileData(size);
                if (output.Framing.WrittenCount > 0)
                {
                    yield return new NarPiece(framed, output.Framing.WrittenMemory, 0, 0, -1);
                    output.Framing.ResetWrittenCount();
                }

                yield return new NarPiece(contentStart, default, (long)tree.StreamOffset(index), (long)size, index);
                framed = (long)writer.Length;
            }

            index = End(writer, tree, index);
            if (index < 0 || output.Framing.WrittenCount >= FramingBytes)
            {
                yield return new NarPiece(framed, output.Framing.WrittenMemory, 0, 0, -1);
                framed += output.Framing.WrittenCount;
                output.Framing.ResetWrittenCount();
            }
        }
    }

    private static void Begin(NarWriter writer, ManifestHeader header, ManifestTree tree, int index, byte[] target)
    {
        switch (tree.Kind(index))
        {
            case EntryKind.Directory:
                writer.EnterDirectory(tree.Name(index));
                break;
            case EntryKind.Symlink:
                writer.Symlink(tree.Name(index), target.AsSpan(0, tree.GetTarget(index, header, target)));
                break;
            default:
                writer.BeginFile(tree.Name(index), tree.IsExecutable(index), tree.Size(index));
                break;
        }
    }

    /// <summary>Ends an entry and the directories that it completes.</summary>
    /// <returns>The next entry in NAR order; -1 behind the last.</returns>
    private static int End(NarWriter writer, ManifestTree tree, int index)
    {
        if (tree.Kind(index) == EntryKind.Regular)
        {
            writer.EndFile();
        }

        return NarOrder.Next(tree, index, writer);
    }

    private sealed class Output : INarOutput
    {
        public ArrayBufferWriter<byte> Framing { get; } = new();

        public void Write(ReadOnlySpan<byte> bytes) => Framing.Write(bytes);
    }
}
