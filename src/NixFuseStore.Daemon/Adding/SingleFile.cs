using NixFuseStore.Nix.Archives;

namespace NixFuseStore.Daemon.Adding;

/// <summary>Takes a tree that is one regular file, and nothing else.</summary>
/// <param name="take">Gets the file's contents in pieces.</param>
internal sealed class SingleFile(SingleFile.DataHandler take) : INarVisitor
{
    internal delegate void DataHandler(ReadOnlySpan<byte> data);

    /// <summary>Whether the file is executable.</summary>
    internal bool IsExecutable { get; private set; }

    public void EnterDirectory(ReadOnlySpan<byte> name) => throw Refused("a directory");

    public void LeaveDirectory()
    {
    }

    public void BeginFile(ReadOnlySpan<byte> name, bool executable, ulong size) => IsExecutable = executable;

    public void FileData(ReadOnlySpan<byte> data) => take(data);

    public void EndFile()
    {
    }

    public void Symlink(ReadOnlySpan<byte> name, ReadOnlySpan<byte> target) => throw Refused("a symbolic link");

    private static DaemonStoreException Refused(string what) => new($"the content address needs a regular file, but the NAR holds {what}");
}
