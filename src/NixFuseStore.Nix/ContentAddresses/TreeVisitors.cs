using NixFuseStore.Nix.Archives;

namespace NixFuseStore.Nix.ContentAddresses;

/// <summary>Takes any tree and keeps nothing of it.</summary>
public sealed class AnyTree : INarVisitor
{
    /// <summary>It has no state.</summary>
    public static readonly AnyTree Instance = new();

    /// <inheritdoc/>
    public void EnterDirectory(ReadOnlySpan<byte> name)
    {
    }

    /// <inheritdoc/>
    public void LeaveDirectory()
    {
    }

    /// <inheritdoc/>
    public void BeginFile(ReadOnlySpan<byte> name, bool executable, ulong size)
    {
    }

    /// <inheritdoc/>
    public void FileData(ReadOnlySpan<byte> data)
    {
    }

    /// <inheritdoc/>
    public void EndFile()
    {
    }

    /// <inheritdoc/>
    public void Symlink(ReadOnlySpan<byte> name, ReadOnlySpan<byte> target)
    {
    }
}

/// <summary>Takes the bytes of a file, in pieces that are valid during the call.</summary>
public delegate void FileDataHandler(ReadOnlySpan<byte> data);

/// <summary>
/// Takes a tree that is one regular file, and nothing else. Whether the file is executable does not matter: Nix hashes its bytes alone, and
/// keeps the bit.
/// </summary>
/// <param name="take">Gets the file's contents in pieces.</param>
public sealed class SingleFile(FileDataHandler take) : INarVisitor
{
    /// <inheritdoc/>
    public void EnterDirectory(ReadOnlySpan<byte> name) => throw Refused("a directory");

    /// <inheritdoc/>
    public void LeaveDirectory()
    {
    }

    /// <inheritdoc/>
    public void BeginFile(ReadOnlySpan<byte> name, bool executable, ulong size)
    {
    }

    /// <inheritdoc/>
    public void FileData(ReadOnlySpan<byte> data) => take(data);

    /// <inheritdoc/>
    public void EndFile()
    {
    }

    /// <inheritdoc/>
    public void Symlink(ReadOnlySpan<byte> name, ReadOnlySpan<byte> target) => throw Refused("a symbolic link");

    private static ContentAddressException Refused(string what) => new($"the content address needs a regular file, but the NAR holds {what}");
}
