using NixFuseStore.Nix.Archives;

namespace NixFuseStore.Daemon.Adding;

/// <summary>Takes any tree and keeps nothing of it.</summary>
internal sealed class AnyTree : INarVisitor
{
    internal static readonly AnyTree Instance = new();

    public void EnterDirectory(ReadOnlySpan<byte> name)
    {
    }

    public void LeaveDirectory()
    {
    }

    public void BeginFile(ReadOnlySpan<byte> name, bool executable, ulong size)
    {
    }

    public void FileData(ReadOnlySpan<byte> data)
    {
    }

    public void EndFile()
    {
    }

    public void Symlink(ReadOnlySpan<byte> name, ReadOnlySpan<byte> target)
    {
    }
}
