namespace NixFuseStore.Content;

/// <summary>
/// The tree section: every file, directory and symlink below (and including) a store path, breadth-first, so that the children of a
/// directory are contiguous and sorted bytewise by name. Entry 0 is the path itself. Immutable; all members may be called from any thread,
/// and none but <see cref="Parse"/> allocates.
/// </summary>
public sealed partial class ManifestTree
{
    /// <summary>Entries, the root included.</summary>
    public int Count => throw new NotImplementedException();

    /// <summary>Bytes of all regular files together: the length of the content stream.</summary>
    public long StreamLength => throw new NotImplementedException();

    /// <summary>Approximate bytes of memory that the tree keeps alive, for caches with a bound.</summary>
    public long MemoryBytes => throw new NotImplementedException();

    /// <summary>Reads and fully validates a tree section. Its digest is not checked here: see <see cref="ManifestHeader.OpenTree"/>.</summary>
    /// <param name="section">Plain canonical bytes, which the tree goes on using.</param>
    /// <exception cref="ManifestFormatException">The bytes are not canonical.</exception>
    public static ManifestTree Parse(ReadOnlyMemory<byte> section) => throw new NotImplementedException();

    /// <summary>What an entry is.</summary>
    public EntryKind Kind(int index) => throw new NotImplementedException();

    /// <summary>Whether an entry is an executable regular file.</summary>
    public bool IsExecutable(int index) => throw new NotImplementedException();

    /// <summary>Bytes of a file's content or of a symlink's target; 0 for a directory.</summary>
    public ulong Size(int index) => throw new NotImplementedException();

    /// <summary>
    /// Where an entry's content begins in the content stream. All content below a directory lies in one piece that begins at the
    /// directory's own offset. For a symlink, the offset of whatever content comes next.
    /// </summary>
    public ulong StreamOffset(int index) => throw new NotImplementedException();

    /// <summary>An entry's name: 1 to 255 bytes without '/' and NUL; empty for the root.</summary>
    public ReadOnlySpan<byte> Name(int index) => throw new NotImplementedException();

    /// <summary>The entries of a directory in bytewise order of names; (0, 0) for an empty directory and for anything else.</summary>
    public (int First, int Count) Children(int index) => throw new NotImplementedException();

    /// <summary>The directory that holds an entry; the root is its own parent.</summary>
    public int Parent(int index) => throw new NotImplementedException();

    /// <summary>Finds a name in a directory; false where it is not there or <paramref name="directory"/> is none.</summary>
    public bool TryFind(int directory, ReadOnlySpan<byte> name, out int index) => throw new NotImplementedException();

    /// <summary>Writes a symlink's target, hashes restored.</summary>
    /// <param name="index">A symlink.</param>
    /// <param name="header">The header of a manifest that this tree belongs to: it holds the store hashes.</param>
    /// <param name="destination">At least <see cref="Size"/> bytes.</param>
    /// <returns>The bytes written: the entry's size.</returns>
    /// <exception cref="ArgumentException">The entry is no symlink, or the destination is too short.</exception>
    public int GetTarget(int index, ManifestHeader header, Span<byte> destination) => throw new NotImplementedException();
}
