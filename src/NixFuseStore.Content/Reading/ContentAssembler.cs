using System.Buffers;
using NixFuseStore.Nix.Archives;

namespace NixFuseStore.Content;

/// <summary>Turns manifest and chunks back into the events of the file tree: the exact inverse of <see cref="ContentBuilder"/>.</summary>
public static class ContentAssembler
{
    /// <summary>Sends a whole tree to a visitor. Blocks on the source; holds one chunk at a time.</summary>
    /// <param name="manifest">The tree's manifest.</param>
    /// <param name="source">Gives the chunks, in stream order, each once. What it gives is believed.</param>
    /// <param name="visitor">Gets the events; what it throws passes through.</param>
    /// <param name="cancellationToken">Looked at between chunks.</param>
    /// <exception cref="ManifestFormatException">The manifest's sections do not hold, or a chunk is not blank where they say so.</exception>
    /// <exception cref="IOException">From the source: a chunk is missing.</exception>
    public static void Write(Manifest manifest, IChunkSource source, INarVisitor visitor, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(visitor);
        var header = manifest.Header;
        var tree = header.OpenTree(manifest.Tree);
        var stream = new ContentStreamReader(header.OpenChunks(manifest.Chunks), header.OpenBlanks(manifest.Blanks), source, cancellationToken);
        var target = ArrayPool<byte>.Shared.Rent(NarLimits.TargetBytesMax);
        try
        {
            var index = 0;
            while (index >= 0)
            {
                SendEntry(tree, index, header, stream, visitor, target);
                index = NarOrder.Next(tree, index, visitor);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(target);
            stream.Dispose();
        }
    }

    private static void SendEntry(
        ManifestTree tree, int index, ManifestHeader header, ContentStreamReader stream, INarVisitor visitor, byte[] target)
    {
        switch (tree.Kind(index))
        {
            case EntryKind.Directory:
                visitor.EnterDirectory(tree.Name(index));
                break;
            case EntryKind.Symlink:
                visitor.Symlink(tree.Name(index), target.AsSpan(0, tree.GetTarget(index, header, target)));
                break;
            default:
                visitor.BeginFile(tree.Name(index), tree.IsExecutable(index), tree.Size(index));
                for (var left = (long)tree.Size(index); left > 0;)
                {
                    var data = stream.Read(left);
                    visitor.FileData(data);
                    left -= data.Length;
                }

                visitor.EndFile();
                break;
        }
    }
}
