using NixFuseStore.Client.Push;
using NixFuseStore.Client.Server;
using NixFuseStore.Content;
using NixFuseStore.Nix.Archives;

namespace NixFuseStore.Client.Adding;

/// <summary>
/// Adds paths to a store, for as long as a process lives and for many callers at once. A path is durable and valid everywhere when its
/// registration answers; but a small content-addressed one is durable on this host and valid here, and everywhere a moment later. All
/// members may be called from any thread.
/// </summary>
public sealed partial class StoreWriter : IAsyncDisposable
{
    private readonly ServerConnection _connection;
    private readonly StoreReader _reader;
    private readonly StoreWriterOptions _options;
    private readonly Lock _gate = new();

    // Null until the first import: most mounts never write. Guarded by _gate.
    private ImportPipeline? _pipeline;
    private bool _disposed;

    /// <summary>A writer beside a reader of the same store; both stay the caller's, and outlive it.</summary>
    public StoreWriter(ServerConnection connection, StoreReader reader, StoreWriterOptions options)
    {
        ArgumentNullException.ThrowIfNull(connection);
        ArgumentNullException.ThrowIfNull(reader);
        ArgumentNullException.ThrowIfNull(options);
        _connection = connection;
        _reader = reader;
        _options = options;
        _smallPaths = new SmallPathCheck(reader.Directory);
        _pendingBytes = new ByteBudget(options.PendingBytesMax);
        _journal = options.JournalDirectory is { } directory
            ? new PathJournal(directory, reader.Identity, options.Log, options.Time)
            : null;
    }

    /// <summary>Begins to take a NAR, whose path need not be known yet.</summary>
    /// <param name="narBytes">Bytes of the NAR, where the sender announced them. One of another size can be written, but not be registered.</param>
    /// <param name="observer">Hears of the tree while the NAR is written: it is parsed once for all. What it throws leaves <see cref="PathImport.WriteAsync"/>.</param>
    /// <exception cref="StoreAccessException">The caller's token does not allow writing.</exception>
    /// <exception cref="StoreClientException">The server cuts content in a way that this program does not know.</exception>
    public PathImport BeginImport(ulong? narBytes = null, INarVisitor? observer = null)
    {
        if (_reader.MayWrite == false)
        {
            throw new StoreAccessException(
                $"the token of this mount does not allow writing to store '{_connection.StoreName}'; mount it with one that has the right to write");
        }

        return ChunkingParameters.TryGet(_reader.ChunkingParametersId, out var parameters)
            ? new PathImport(this, Pipeline(), parameters, narBytes, observer)
            : throw new StoreClientException(
                $"the server cuts content by rules {_reader.ChunkingParametersId}, which this program does not know; it is older than the server");
    }

    /// <summary>Ends everything that is under way; those who wait get an exception. What the journal holds is waited for, for a few seconds.</summary>
    public async ValueTask DisposeAsync()
    {
        await DrainAsync().ConfigureAwait(false);
        if (_readingAgain is not null)
        {
            await _readingAgain.DisposeAsync().ConfigureAwait(false);
        }

        ImportPipeline? pipeline;
        lock (_gate)
        {
            _disposed = true;
            pipeline = _pipeline;
        }

        if (pipeline is not null)
        {
            await pipeline.DisposeAsync().ConfigureAwait(false);
        }

        if (_journal is not null)
        {
            await _journal.DisposeAsync().ConfigureAwait(false);
        }
    }

    private ImportPipeline Pipeline()
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_pipeline is { HasFailed: true } failed)
            {
                _pipeline = null;
                _ = failed.DisposeAsync().AsTask();
            }

            return _pipeline ??= new ImportPipeline(_connection, _reader, _options);
        }
    }
}
