using NixFuseStore.Nix.Archives;
using NixFuseStore.Server.Base;

namespace NixFuseStore.Server.Ingest;

/// <summary>Refuses a NAR whose tree would be too large for a manifest, before the memory for it is taken.</summary>
/// <param name="bytesMax">Names, targets and what goes with them, together.</param>
internal sealed class TreeBound(int bytesMax) : INarVisitor
{
    /// <summary>About what an entry takes besides its name.</summary>
    private const int EntryBytes = 8;

    private long _bytes;

    public void EnterDirectory(ReadOnlySpan<byte> name) => Count(name.Length);

    public void LeaveDirectory()
    {
    }

    public void BeginFile(ReadOnlySpan<byte> name, bool executable, ulong size) => Count(name.Length);

    public void FileData(ReadOnlySpan<byte> data)
    {
    }

    public void EndFile()
    {
    }

    public void Symlink(ReadOnlySpan<byte> name, ReadOnlySpan<byte> target) => Count(name.Length + target.Length);

    private void Count(int bytes)
    {
        _bytes += bytes + EntryBytes;
        if (_bytes > bytesMax)
        {
            throw new RejectedRequestException($"the NAR holds more files than the {bytesMax} bytes of names that this server takes");
        }
    }
}
