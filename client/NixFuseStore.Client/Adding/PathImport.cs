using System.Security.Cryptography;
using NixFuseStore.Client.Push;
using NixFuseStore.Client.Server;
using NixFuseStore.Content;
using NixFuseStore.Nix;
using NixFuseStore.Nix.Archives;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Adding;

/// <summary>
/// A NAR on its way into the store: parsed and hashed on the thread that writes it, and sent on meanwhile. Used by one caller at a time.
/// Disposed without having been registered, it leaves nothing that anyone can see.
/// </summary>
public sealed class PathImport : IAsyncDisposable
{
    /// <summary>Bytes that are parsed before what was cut of them is handed on.</summary>
    private const int PieceBytes = 1 << 20;

    private readonly StoreWriter _writer;
    private readonly ImportPipeline _pipeline;
    private readonly ChunkingParameters _parameters;
    private readonly ulong? _narBytes;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly TeeNarVisitor _tree;
    private readonly NarParser _parser;
    private readonly MemoryStream _small = new();
    private ImportContent? _content;
    private NixHash? _narHash;
    private bool _disposed;

    internal PathImport(StoreWriter writer, ImportPipeline pipeline, ChunkingParameters parameters, ulong? narBytes, INarVisitor? observer)
    {
        _tree = observer is null ? new TeeNarVisitor() : new TeeNarVisitor(observer);
        _parser = new NarParser(_tree);
        _writer = writer;
        _pipeline = pipeline;
        _parameters = parameters;
        _narBytes = narBytes;
    }

    /// <summary>Where it goes; one that has failed takes the import with it.</summary>
    internal ImportPipeline Pipeline => _pipeline;

    /// <summary>Whether the NAR has ended.</summary>
    public bool IsComplete => _parser.IsComplete;

    /// <summary>Takes the next bytes, up to the end of the NAR. Waits while too much is under way.</summary>
    /// <returns>How many were taken; fewer than all where the NAR ends among them.</returns>
    /// <exception cref="NarFormatException">The bytes are no NAR.</exception>
    /// <exception cref="ManifestFormatException">The NAR is larger than this store takes.</exception>
    /// <exception cref="StoreClientException">Its content cannot be sent.</exception>
    public async ValueTask<int> WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        var taken = 0;
        while (taken < bytes.Length && !_parser.IsComplete)
        {
            // What is cut here is cut by the parser's events.
            var piece = bytes.Slice(taken, Math.Min(PieceBytes, bytes.Length - taken));
            piece = piece[.._parser.Write(piece.Span)];
            taken += piece.Length;

            // The parser takes only what Nix itself writes, so the bytes need not be written out again to be hashed.
            _hash.AppendData(piece.Span);
            await PassAsync(piece, cancellationToken).ConfigureAwait(false);
        }

        return taken;
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

    /// <summary>Whether the manifest was made here, once the content is finished.</summary>
    internal bool IsCutHere => _content!.IsCutHere;

    /// <summary>Ends when the content is on the server.</summary>
    internal Task Sent => _content!.Sent;

    /// <summary>
    /// Ends the content; to be called once, after the NAR's end. The rest is still to be handed on by <see cref="SendRestAsync"/>.
    /// </summary>
    internal void FinishContent()
    {
        if (_content is null)
        {
            var content = _pipeline.OpenCutContent(_parameters);
            content.WriteSmall(_small.GetBuffer().AsSpan(0, (int)_small.Length));
            _content = content;
        }

        _content.Finish();
    }

    /// <summary>What registers the content; null where that is known only when it has been sent. A small NAR's is always known.</summary>
    internal NewPath? TryMakeMessage(PathInfo info) => _content!.TryMakeMessage(info);

    internal ValueTask SendRestAsync(CancellationToken cancellationToken) => _content!.SendRestAsync(cancellationToken);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (!_disposed)
        {
            _disposed = true;
            if (_content is not null)
            {
                await _content.DisposeAsync().ConfigureAwait(false);
            }

            _hash.Dispose();
            _small.Dispose();
        }
    }

    private async ValueTask PassAsync(ReadOnlyMemory<byte> piece, CancellationToken cancellationToken)
    {
        if (_parser.BytesConsumed <= NewPathMessage.InlineBytesMax)
        {
            _small.Write(piece.Span);
            return;
        }

        if (_content is null)
        {
            // It is known only now that it is not to be kept.
            _small.Write(piece.Span);
            _content = _pipeline.OpenContent(_parameters, _narBytes);
            await _content.BeginAsync(_small.GetBuffer().AsMemory(0, (int)_small.Length), cancellationToken).ConfigureAwait(false);
            if (_content.Tree is { } tree)
            {
                _tree.Add(tree);
            }
        }
        else
        {
            await _content.WriteAsync(piece, cancellationToken).ConfigureAwait(false);
        }

        if (_content.Sent.IsFaulted)
        {
            await _content.Sent.ConfigureAwait(false);
        }
    }
}
