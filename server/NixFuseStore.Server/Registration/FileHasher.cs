using System.Security.Cryptography;
using NixFuseStore.Nix.Archives;

namespace NixFuseStore.Server.Registration;

/// <summary>Hashes the bytes of a single file, and refuses what is none.</summary>
internal sealed class FileHasher(IncrementalHash hash) : INarVisitor
{
    public void EnterDirectory(ReadOnlySpan<byte> name) => throw NoFile();

    public void LeaveDirectory() => throw NoFile();

    public void BeginFile(ReadOnlySpan<byte> name, bool executable, ulong size)
    {
        if (executable)
        {
            throw NoFile();
        }
    }

    public void FileData(ReadOnlySpan<byte> data) => hash.AppendData(data);

    public void EndFile()
    {
    }

    public void Symlink(ReadOnlySpan<byte> name, ReadOnlySpan<byte> target) => throw NoFile();

    private static RefusedException NoFile() => new("the content address is that of a plain file, and the path is none");
}
