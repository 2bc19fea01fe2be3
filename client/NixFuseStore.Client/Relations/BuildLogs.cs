using Google.Protobuf;
using NixFuseStore.Client.Server;
using NixFuseStore.Native.Compression;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Relations;

/// <summary>The logs of builds, by derivation. All members may be called from any thread, and fail with <see cref="StoreClientException"/>.</summary>
public sealed class BuildLogs
{
    /// <summary>Plain bytes of the longest log; the protocol's bound.</summary>
    public const int BytesMax = 64 << 20;

    private const int Level = 6;

    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(2);

    private readonly StoreReader _reader;

    /// <summary>Asks the server of a reader, which stays the caller's.</summary>
    public BuildLogs(StoreReader reader)
    {
        ArgumentNullException.ThrowIfNull(reader);
        _reader = reader;
    }

    /// <summary>
    /// Keeps a log, unless there is one of a build that did not fail. Reads the stream to its end; of a longer log the first
    /// <see cref="BytesMax"/> bytes are kept.
    /// </summary>
    public async Task AddAsync(StorePath derivation, Stream log, bool failed, CancellationToken cancellationToken)
    {
        var (zstd, plainLength) = await PackAsync(log, cancellationToken).ConfigureAwait(false);
        var request = new PutBuildLogRequest
        {
            Store = _reader.Calls.StoreName,
            BaseName = derivation.BaseName,
            PlainLength = plainLength,
            Failed = failed,
            Zstd = zstd,
        };
        await _reader.Calls.CallAsync(
            (endpoint, token) => endpoint.Store.PutBuildLogAsync(request, Deadline, token), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>A log as it travels: reads the stream to its end, and packs the first <see cref="BytesMax"/> bytes.</summary>
    public static async Task<(ByteString Zstd, uint PlainLength)> PackAsync(Stream log, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(log);
        var plain = await ReadAsync(log, cancellationToken).ConfigureAwait(false);
        return (UnsafeByteOperations.UnsafeWrap(Zstd.Compress(plain.Span, Level)), (uint)plain.Length);
    }

    /// <summary>The plain text of a log, or null where there is none.</summary>
    public async Task<byte[]?> FindAsync(StorePath derivation, CancellationToken cancellationToken)
    {
        var request = new GetBuildLogRequest { Store = _reader.Calls.StoreName, BaseName = derivation.BaseName };
        return Unpack(derivation, await _reader.Calls.CallAsync(
            (endpoint, token) => endpoint.Store.GetBuildLogAsync(request, Deadline, token), cancellationToken).ConfigureAwait(false));
    }

    /// <summary>The same, asked of a server once.</summary>
    public static async Task<byte[]?> FindAsync(ServerConnection connection, StorePath derivation, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(connection);
        var request = new GetBuildLogRequest { Store = connection.StoreName, BaseName = derivation.BaseName };
        return Unpack(derivation, await connection.CallAsync(
            (endpoint, token) => endpoint.Store.GetBuildLogAsync(request, Deadline, token), cancellationToken).ConfigureAwait(false));
    }

    private static byte[]? Unpack(StorePath derivation, GetBuildLogResponse answer)
    {
        if (!answer.Found)
        {
            return null;
        }

        if (answer.PlainLength > BytesMax)
        {
            throw new StoreClientException($"the log of {derivation} has {answer.PlainLength} bytes, more than the {BytesMax} that are read");
        }

        var plain = new byte[answer.PlainLength];
        return Zstd.TryDecompress(answer.Zstd.Span, plain, out var written) && written == plain.Length
            ? plain
            : throw new StoreClientException($"the log of {derivation} cannot be unpacked");
    }

    private static async Task<ReadOnlyMemory<byte>> ReadAsync(Stream log, CancellationToken cancellationToken)
    {
        using var kept = new MemoryStream();
        var buffer = new byte[128 << 10];
        int read;
        while ((read = await log.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0)
        {
            kept.Write(buffer, 0, (int)Math.Min(read, BytesMax - kept.Length));
        }

        return kept.GetBuffer().AsMemory(0, (int)kept.Length);
    }
}
