using System.Buffers;
using NixFuseStore.Client.Server;
using NixFuseStore.Client.Trees;
using NixFuseStore.Content;
using NixFuseStore.Nix;

namespace NixFuseStore.Client.Reading;

/// <summary>Reads paths as a whole: as a NAR, or, where they are one file, its contents. Any thread.</summary>
/// <param name="files">Reads the bytes.</param>
/// <param name="readBytesMax">Longest read in one call.</param>
internal sealed class WholePathReader(FileReader files, int readBytesMax)
{
    /// <summary>Small files and what frames them are written together.</summary>
    private const int NarBufferBytes = 256 << 10;

    /// <summary>Bytes of a file read at once.</summary>
    private const int NarReadBytes = 1 << 20;

    /// <summary>See <see cref="StoreReader.WriteNarAsync"/>.</summary>
    public async Task WriteNarAsync(PathHandle handle, Stream destination, CancellationToken cancellationToken)
    {
        var tree = await files.GetTreeAsync(handle, cancellationToken).ConfigureAwait(false);

        // Not disposed: that would close the destination, which is the caller's.
        var buffered = new BufferedStream(destination, NarBufferBytes);
        foreach (var piece in NarPieces.Enumerate(handle.Header, tree))
        {
            await buffered.WriteAsync(piece.Framing, cancellationToken).ConfigureAwait(false);
            await WriteContentAsync(handle, piece, buffered, cancellationToken).ConfigureAwait(false);
        }

        await buffered.FlushAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>See <see cref="StoreReader.ReadFileAsync"/>.</summary>
    public async Task<byte[]> ReadFileAsync(StoreDirectory directory, PathHandle handle, int bytesMax, CancellationToken cancellationToken)
    {
        var header = handle.Header;
        if (header.RootKind != EntryKind.Regular || header.RootSize > (ulong)bytesMax)
        {
            throw new StoreClientException(header.RootKind == EntryKind.Regular
                ? $"{directory.Print(handle.Path)} has {header.RootSize} bytes, more than the {bytesMax} that are read here"
                : $"{directory.Print(handle.Path)} is not a regular file");
        }

        await files.GetTreeAsync(handle, cancellationToken).ConfigureAwait(false);
        var bytes = new byte[header.RootSize];
        for (var read = 0; read < bytes.Length;)
        {
            using var lease = await files.ReadAsync(
                handle, 0, (ulong)read, Math.Min(bytes.Length - read, readBytesMax), cancellationToken).ConfigureAwait(false);
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
                using (var lease = await files.ReadAsync(handle, piece.Entry, (ulong)offset, NarReadBytes, cancellationToken).ConfigureAwait(false))
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
