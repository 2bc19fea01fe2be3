using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using NixFuseStore.Nix.Archives;

namespace NixFuseStore.Nix.ContentAddresses;

/// <summary>
/// SHA-256 of a NAR with the object's own hash part replaced by zeros wherever it stands, so that the hash can be a part of the path.
/// Nix 2.8 to 2.16 and 2.35 add the positions behind it, 2.17 to 2.34 do not; both are computed, and either makes a valid address.
/// </summary>
public sealed class SelfHash : INarOutput, IDisposable
{
    private static readonly byte[] Zeros = new byte[StorePath.HashPartLength];

    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly byte[] _hashPart;
    private readonly List<long> _positions = [];
    private byte[] _window = [];
    private int _held;
    private long _hashed;

    /// <summary>Begins with nothing.</summary>
    /// <param name="hashPart">The object's own, 32 characters.</param>
    public SelfHash(string hashPart) => _hashPart = Encoding.ASCII.GetBytes(hashPart);

    /// <inheritdoc/>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        // What was held back, the new bytes behind it, and of those the last 31 held back: the hash part may lie across the pieces.
        int length = _held + bytes.Length;
        if (_window.Length < length)
        {
            Array.Resize(ref _window, length);
        }

        bytes.CopyTo(_window.AsSpan(_held));
        int start = 0;
        while (_window.AsSpan(start, length - start).IndexOf(_hashPart) is >= 0 and var offset)
        {
            Hash(_window.AsSpan(start, offset));
            _positions.Add(_hashed);
            Hash(Zeros);
            start += offset + Zeros.Length;
        }

        int kept = Math.Min(length - start, StorePath.HashPartLength - 1);
        Hash(_window.AsSpan(start, length - start - kept));
        _window.AsSpan(length - kept, kept).CopyTo(_window);
        _held = kept;
    }

    /// <summary>Both hashes; to be asked for once.</summary>
    public (NixHash WithPositions, NixHash WithoutPositions) Finish()
    {
        Hash(_window.AsSpan(0, _held));
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        _hash.GetCurrentHash(digest);
        var without = new NixHash(NixHashAlgorithm.Sha256, digest);
        foreach (long position in _positions)
        {
            _hash.AppendData(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"|{position}")));
        }

        _hash.GetHashAndReset(digest);
        return (new NixHash(NixHashAlgorithm.Sha256, digest), without);
    }

    /// <inheritdoc/>
    public void Dispose() => _hash.Dispose();

    private void Hash(ReadOnlySpan<byte> bytes)
    {
        _hash.AppendData(bytes);
        _hashed += bytes.Length;
    }
}
