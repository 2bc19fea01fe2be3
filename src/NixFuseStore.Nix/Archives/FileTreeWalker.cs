namespace NixFuseStore.Nix.Archives;

/// <summary>Sends the events of a file tree on disk, in NAR order.</summary>
public static class FileTreeWalker
{
    /// <summary>
    /// Walks the file, link or directory at <paramref name="path"/> (a link is not followed). Executable is what its owner may
    /// execute. Blocks on the disk; the token is looked at between files and reads.
    /// </summary>
    /// <exception cref="FileTreeException">It holds a socket, device or pipe, or changed meanwhile, or cannot be read.</exception>
    public static void Walk(string path, INarVisitor visitor, CancellationToken cancellationToken) =>
        throw new NotSupportedException();
}
