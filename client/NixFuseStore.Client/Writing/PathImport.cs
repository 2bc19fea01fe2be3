using System.Security.Cryptography;
using Google.Protobuf;
using NixFuseStore.Client.Pushing;
using NixFuseStore.Content;
using NixFuseStore.Nix;
using NixFuseStore.Nix.Archives;

namespace NixFuseStore.Client.Writing;

/// <summary>
/// A NAR on its way into the store: parsed, hashed, blanked and cut on the thread that writes it, while its chunks are compressed and
/// uploaded on others. Used by one caller at a time. Disposed without having been registered, it leaves nothing that anyone can see.
/// </summary>
public sealed class PathImport : IAsyncDisposable
{
    /// <summary>Bytes dealt with before collected chunks are handed on.</summary>
    private const int SliceBytes = 1 << 20;

    private readonly StoreWriter _writer;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly ImportSink _sink;
    private readonly ContentBuilder _builder;
    private readonly NarParser _parser;
    private readonly MemoryStream _small = new();
    private NixHash? _narHash;
    private bool _disposed;

    internal PathImport(StoreWriter writer, ImportPipeline pipeline, StoreDirectory directory, ChunkingParameters parameters)
    {
        _writer = writer;
        _sink = new ImportSink(pipeline);
        _builder = new ContentBuilder(directory, _sink, parameters);
        _parser = new NarParser(_builder);
    }

    /// <summary>Whether the NAR has ended.</summary>
    public bool IsComplete => _parser.IsComplete;

    /// <summary>Takes the next bytes of the NAR; waits while too much is under way.</summary>
    /// <exception cref="NarFormatException">The bytes are no NAR, or stand behind its end.</exception>
    /// <exception cref="ManifestFormatException">The NAR is larger than this store takes.</exception>
    /// <exception cref="StoreClientException">Its content cannot be sent.</exception>
    public async ValueTask WriteAsync(ReadOnlyMemory<byte> nar, CancellationToken cancellationToken)
    {
        while (nar.Length > 0)
        {
            var slice = nar[..Math.Min(nar.Length, SliceBytes)];
            Take(slice.Span);
            nar = nar[slice.Length..];
            await _sink.FlushAsync(cancellationToken).ConfigureAwait(false);
            if (_sink.Sent.IsFaulted)
            {
                await _sink.Sent.ConfigureAwait(false);
            }
        }
    }

    /// <summary>Hash and size of the whole NAR.</summary>
    /// <exception cref="NarFormatException">It has not ended.</exception>
    public (NixHash NarHash, ulong NarSize) Finish()
    {
        _parser.Complete();
        return (_narHash ??= new NixHash(NixHashAlgorithm.Sha256, _hash.GetHashAndReset()), _parser.BytesConsumed);
    }

    /// <summary>
    /// Makes the path valid: durable, and visible on every host, when this returns; see <see cref="StoreWriter"/> for the exception.
    /// To be called once. What refers to paths whose registration began earlier waits for them.
    /// </summary>
    /// <param name="info">All that is to be recorded; hash and size must be those of <see cref="Finish"/>.</param>
    /// <param name="cancellationToken">Gives up waiting; the registration may still happen.</param>
    /// <returns>What is registered now, which another host may have registered before.</returns>
    /// <exception cref="NarFormatException">The NAR has not ended.</exception>
    /// <exception cref="StoreClientException">It cannot be registered.</exception>
    public Task<PathInfo> RegisterAsync(PathInfo info, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(info);
        var (hash, size) = Finish();
        if (!info.NarHash.Equals(hash) || info.NarSize != size)
        {
            throw new StoreClientException(
                $"cannot add {info.Path}: its NAR has the hash {hash} and {size} bytes, but {info.NarHash} and {info.NarSize} bytes were announced");
        }

        return _writer.RegisterAsync(this, info, cancellationToken);
    }

    /// <summary>All bytes of the NAR, where it is small enough for the journal.</summary>
    internal byte[]? SmallNar => _parser.BytesConsumed <= NewPathMessage.InlineBytesMax ? _small.ToArray() : null;

    /// <summary>Ends when the content is on the server.</summary>
    internal Task Sent => _sink.Sent;

    /// <summary>Makes the manifest; to be called once, after the NAR's end. The last chunks are still to be handed on by <see cref="SendRestAsync"/>.</summary>
    internal (Manifest Manifest, IReadOnlyList<ByteString> Inline) FinishContent()
    {
        var manifest = _builder.Finish();
        return (manifest, [.. _sink.TakeInline()]);
    }

    internal async Task SendRestAsync(CancellationToken cancellationToken)
    {
        await _sink.FlushAsync(cancellationToken).ConfigureAwait(false);
        _sink.Finish();
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        if (!_disposed)
        {
            _disposed = true;
            _sink.Close();
            _hash.Dispose();
            _small.Dispose();
        }

        return ValueTask.CompletedTask;
    }

    private void Take(ReadOnlySpan<byte> bytes)
    {
        int consumed = _parser.Write(bytes);

        // The parser takes only what Nix itself writes, so the bytes need not be written out again to be hashed.
        _hash.AppendData(bytes[..consumed]);
        if (_small.Length <= NewPathMessage.InlineBytesMax)
        {
            _small.Write(bytes[..Math.Min(consumed, NewPathMessage.InlineBytesMax + 1)]);
        }

        if (consumed < bytes.Length)
        {
            throw new NarFormatException("There are bytes behind the end of the NAR.");
        }
    }
}
