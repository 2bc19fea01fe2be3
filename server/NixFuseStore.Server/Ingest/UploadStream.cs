using System.Security.Cryptography;
using NixFuseStore.Native.Streams;
using NixFuseStore.Nix;

namespace NixFuseStore.Server.Ingest;

/// <summary>Reads a stream through, hashing and counting what passes; its beginning can be looked at first. Leaves the stream below open.</summary>
internal sealed class UploadStream(Stream source) : ForwardReadStream
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private byte[] _start = [];
    private int _startRead;

    /// <summary>Whether what is read is hashed. Set before anything is.</summary>
    public bool Hashes { get; set; } = true;

    /// <summary>Bytes that have been read.</summary>
    public override long Position { get; set; }

    /// <summary>The first bytes, fewer where the stream is shorter. To be called once, before any reading; they are read again afterwards.</summary>
    public async ValueTask<ReadOnlyMemory<byte>> PeekAsync(int bytes, CancellationToken cancellation)
    {
        var start = new byte[bytes];
        var length = await source.ReadAtLeastAsync(start, bytes, throwOnEndOfStream: false, cancellation).ConfigureAwait(false);
        _start = start[..length];
        return _start;
    }

    /// <summary>SHA-256 of all that was read. To be asked for once, at the end.</summary>
    public NixHash Finish() => new(NixHashAlgorithm.Sha256, _hash.GetHashAndReset());

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        int length;
        if (_startRead < _start.Length)
        {
            length = Math.Min(buffer.Length, _start.Length - _startRead);
            _start.AsSpan(_startRead, length).CopyTo(buffer.Span);
            _startRead += length;
        }
        else
        {
            length = await source.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
        }

        if (Hashes)
        {
            _hash.AppendData(buffer.Span[..length]);
        }

        Position += length;
        return length;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _hash.Dispose();
        }

        base.Dispose(disposing);
    }
}
