namespace NixFuseStore.Nix.Archives;

/// <summary>
/// Receives a file tree as events in NAR order. Spans are valid only during the call. The root has an empty name; the children
/// of each directory come strictly ascending by bytes. Senders (<see cref="NarParser"/>, <see cref="FileTreeWalker"/>) send only
/// sound trees; after an exception they send nothing more.
/// </summary>
public interface INarVisitor
{
    /// <summary>A directory begins; its children follow until the matching <see cref="LeaveDirectory"/>.</summary>
    void EnterDirectory(ReadOnlySpan<byte> name);

    /// <summary>The directory entered last has no more children.</summary>
    void LeaveDirectory();

    /// <summary>A regular file begins; <see cref="FileData"/> follows until <paramref name="size"/> bytes have come, then <see cref="EndFile"/>.</summary>
    void BeginFile(ReadOnlySpan<byte> name, bool executable, ulong size);

    /// <summary>The next bytes of the file, split anyhow.</summary>
    void FileData(ReadOnlySpan<byte> data);

    /// <summary>The file is complete. Comes for empty files too.</summary>
    void EndFile();

    /// <summary>A symbolic link; the target is 1 to 4,095 bytes without NUL.</summary>
    void Symlink(ReadOnlySpan<byte> name, ReadOnlySpan<byte> target);
}
