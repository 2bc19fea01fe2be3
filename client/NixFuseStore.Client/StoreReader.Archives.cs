using System.Buffers;
using NixFuseStore.Client.Server;
using NixFuseStore.Client.Trees;
using NixFuseStore.Content;

namespace NixFuseStore.Client;

/// <content>Whole paths.</content>
public sealed partial class StoreReader
{
    /// <summary>Small files and what frames them are written together.</summary>
    private const int NarBufferBytes = 256 << 10;

    /// <summary>Bytes of a file read at once.</summary>
    private const int NarReadBytes = 1 << 20;

    /// <summary>Writes the NAR of a path; every byte was verified.</summary>
    /// <exception cref="StoreUnavailableException">Part of the content cannot be had; what was written before is no whole NAR.</exception>
    public async Task WriteNarAsync(PathHandle handle, Stream destination, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(handle);
        ArgumentNullException.ThrowIfNull(destination);
        var tree = await GetTreeAsync(handle, cancellationToken).ConfigureAwait(false);

        // Not disposed: that would close the destination, which is the caller's.
        var buffered = new BufferedStream(destination, NarBufferBytes);
        foreach (var piece in NarPieces.Enumerate(handle.Header, tree))
        {
            await buffered.WriteAsync(piece.Framing, cancellationToken).ConfigureAwait(false);
            await WriteContentAsync(handle, piece, buffered, cancellationToken).ConfigureAwait(false);
        }

        await buffered.FlushAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The contents of a path that is one regular file.</summary>
    /// <param name="handle">The path.</param>
    /// <param name="bytesMax">A longer file is refused.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="StoreClientException">It is no regular file, too long, or cannot be read.</exception>
    public async Task<byte[]> ReadFileAsync(PathHandle handle, int bytesMax, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(handle);
        var header = handle.Header;
        if (header.RootKind != EntryKind.Regular || header.RootSize > (ulong)bytesMax)
        {
            throw new StoreClientException(header.RootKind == EntryKind.Regular
                ? $"{Directory.Print(handle.Path)} has {header.RootSize} bytes, more than the {bytesMax} that are read here"
                : $"{Directory.Print(handle.Path)} is not a regular file");
        }

        await GetTreeAsync(handle, cancellationToken).ConfigureAwait(false);
        var bytes = new byte[header.RootSize];
        for (var read = 0; read < bytes.Length;)
        {
            using var lease = await ReadAsync(
                handle, 0, (ulong)read, Math.Min(bytes.Length - read, StoreReaderOptions.ReadBytesMax), cancellationToken).ConfigureAwait(false);
            lease.CopyTo(bytes.AsSpan(read));
            read += lease.Length;
        }

        return bytes;
    }

    private async Task WriteContentAsync(PathHandle handle, NarPiece piece, Stream destination, CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent((int)Math.Min(piece.ContentLength, NarReadBytes));
        try
        {
            for (long offset = 0; offset < piece.ContentLength; offset += NarReadBytes)
            {
                int length;
                using (var lease = await ReadAsync(handle, piece.Entry, (ulong)offset, NarReadBytes, cancellationToken).ConfigureAwait(false))
                {
                    length = lease.Length;
                    lease.CopyTo(buffer);
                }

                await destination.WriteAsync(buffer.AsMemory(0, length), cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
