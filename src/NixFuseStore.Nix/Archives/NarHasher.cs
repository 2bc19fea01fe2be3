using System.Security.Cryptography;

namespace NixFuseStore.Nix.Archives;

/// <summary>Computes SHA-256 and size of the NAR of the tree whose events it receives, without keeping the NAR.</summary>
public sealed class NarHasher : INarVisitor, IDisposable
{
    private readonly HashOutput _output = new();
    private readonly NarWriter _writer;

    /// <summary>Begins with no event received.</summary>
    public NarHasher() => _writer = new NarWriter(_output);

    /// <summary>Bytes of the NAR so far.</summary>
    public ulong Size => _writer.Length;

    /// <summary>The hash; to be asked for once, after the root's last event.</summary>
    public NixHash Finish()
    {
        Span<byte> digest = stackalloc byte[32];
        _output.Hash.GetHashAndReset(digest);
        return new NixHash(NixHashAlgorithm.Sha256, digest);
    }

    /// <inheritdoc/>
    public void EnterDirectory(ReadOnlySpan<byte> name) => _writer.EnterDirectory(name);

    /// <inheritdoc/>
    public void LeaveDirectory() => _writer.LeaveDirectory();

    /// <inheritdoc/>
    public void BeginFile(ReadOnlySpan<byte> name, bool executable, ulong size) => _writer.BeginFile(name, executable, size);

    /// <inheritdoc/>
    public void FileData(ReadOnlySpan<byte> data) => _writer.FileData(data);

    /// <inheritdoc/>
    public void EndFile() => _writer.EndFile();

    /// <inheritdoc/>
    public void Symlink(ReadOnlySpan<byte> name, ReadOnlySpan<byte> target) => _writer.Symlink(name, target);

    /// <inheritdoc/>
    public void Dispose() => _output.Hash.Dispose();

    private sealed class HashOutput : INarOutput
    {
        internal IncrementalHash Hash { get; } = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

        public void Write(ReadOnlySpan<byte> bytes) => Hash.AppendData(bytes);
    }
}
