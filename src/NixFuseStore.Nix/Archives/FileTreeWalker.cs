using System.Buffers;
using System.Text;
using NixFuseStore.Native.Files;

namespace NixFuseStore.Nix.Archives;

/// <summary>Sends the events of a file tree on disk, in NAR order.</summary>
public static class FileTreeWalker
{
    private const int ReadBytes = 256 * 1024;

    /// <summary>
    /// Walks the file, link or directory at <paramref name="path"/> (a link is not followed). Executable is what its owner may
    /// execute. Blocks on the disk; the token is looked at between files and reads.
    /// </summary>
    /// <exception cref="FileTreeException">It holds a socket, device or pipe, or changed meanwhile, or cannot be read.</exception>
    public static void Walk(string path, INarVisitor visitor, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(path);
        ArgumentNullException.ThrowIfNull(visitor);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(ReadBytes);
        try
        {
            new Walker(visitor, buffer, cancellationToken).WalkRoot(path);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private sealed class Walker(INarVisitor visitor, byte[] buffer, CancellationToken cancellationToken)
    {
        // The names from the root to the current node, for messages.
        private readonly List<byte[]> _names = [];

        internal void WalkRoot(string path)
        {
            byte[] name = Encoding.UTF8.GetBytes(path);
            _names.Add(name);
            WalkNode(null, name, default, FileKind.Unknown);
        }

        // `shown` is the name in the archive, which the root has not.
        private void WalkNode(FileNode? directory, byte[] name, ReadOnlySpan<byte> shown, FileKind kind)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (kind == FileKind.Unknown)
            {
                kind = Ask(() => FileNode.StatusOf(directory, name).Kind);
            }

            switch (kind)
            {
                case FileKind.Regular:
                    WalkFile(directory, name, shown);
                    break;
                case FileKind.Directory:
                    WalkDirectory(directory, name, shown);
                    break;
                case FileKind.Symlink:
                    byte[] target = Ask(() => FileNode.TargetOf(directory, name));
                    if (!NarLimits.IsTarget(target))
                    {
                        throw Refuse("is a link whose target is too long");
                    }

                    visitor.Symlink(shown, target);
                    break;
                default:
                    throw Refuse("is a socket, pipe or device, which a store path cannot hold");
            }
        }

        private void WalkDirectory(FileNode? directory, byte[] name, ReadOnlySpan<byte> shown)
        {
            if (_names.Count > NarLimits.DepthMax)
            {
                throw Refuse($"is nested deeper than {NarLimits.DepthMax} directories");
            }

            using var node = Ask(() => FileNode.Open(directory, name));
            var entries = Ask(node.ReadEntries);
            entries.Sort(static (left, right) => left.Name.AsSpan().SequenceCompareTo(right.Name));
            visitor.EnterDirectory(shown);
            foreach (var entry in entries)
            {
                _names.Add(entry.Name);
                WalkNode(node, entry.Name, entry.Name, entry.Kind);
                _names.RemoveAt(_names.Count - 1);
            }

            visitor.LeaveDirectory();
        }

        private void WalkFile(FileNode? directory, byte[] name, ReadOnlySpan<byte> shown)
        {
            using var node = Ask(() => FileNode.Open(directory, name));
            var before = Ask(node.Status);
            if (before.Kind != FileKind.Regular || before.Size > NarLimits.FileBytesMax)
            {
                throw Refuse("changed while it was read");
            }

            visitor.BeginFile(shown, before.OwnerMayExecute, before.Size);
            ulong remaining = before.Size;
            while (remaining > 0)
            {
                cancellationToken.ThrowIfCancellationRequested();
                int wanted = (int)Math.Min(remaining, ReadBytes);
                int length = Ask(() => node.Read(buffer.AsSpan(0, wanted)));
                if (length == 0)
                {
                    throw Refuse("became shorter while it was read");
                }

                visitor.FileData(buffer.AsSpan(0, length));
                remaining -= (ulong)length;
            }

            if (Ask(node.Status) != before)
            {
                throw Refuse("changed while it was read");
            }

            visitor.EndFile();
        }

        private T Ask<T>(Func<T> call)
        {
            try
            {
                return call();
            }
            catch (IOException exception)
            {
                throw new FileTreeException($"{PathOfNode()} cannot be read: {exception.Message}.", exception);
            }
        }

        private FileTreeException Refuse(string why) => new($"{PathOfNode()} {why}.");

        private string PathOfNode() => string.Join('/', _names.Select(Encoding.UTF8.GetString));
    }
}
