using System.Buffers;
using NixFuseStore.Nix.Archives;

namespace NixFuseStore.Daemon.Adding;

/// <summary>Makes the NAR of a regular file whose contents were spooled.</summary>
internal static class FileImport
{
    private const int PieceBytes = 64 * 1024;

    /// <summary>Writes the NAR into an import.</summary>
    internal static async ValueTask WriteAsync(Spool contents, IPathImport import, CancellationToken cancellationToken)
    {
        var pending = new PendingNar();
        var writer = new NarWriter(pending);
        writer.BeginFile(default, executable: false, (ulong)contents.Length);
        byte[] piece = ArrayPool<byte>.Shared.Rent(PieceBytes);
        try
        {
            for (long position = 0; position < contents.Length;)
            {
                int length = contents.Read(position, piece);
                writer.FileData(piece.AsSpan(0, length));
                await pending.MoveToAsync(import, cancellationToken);
                position += length;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(piece);
        }

        writer.EndFile();
        await pending.MoveToAsync(import, cancellationToken);
    }

    private sealed class PendingNar : INarOutput
    {
        private readonly ArrayBufferWriter<byte> _bytes = new(PieceBytes);

        public void Write(ReadOnlySpan<byte> bytes) => _bytes.Write(bytes);

        internal async ValueTask MoveToAsync(IPathImport import, CancellationToken cancellationToken)
        {
            if (_bytes.WrittenCount > 0)
            {
                await import.WriteAsync(_bytes.WrittenMemory, cancellationToken);
                _bytes.ResetWrittenCount();
            }
        }
    }
}
