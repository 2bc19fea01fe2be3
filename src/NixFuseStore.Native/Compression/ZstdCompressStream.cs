namespace NixFuseStore.Native.Compression;

/// <summary>
/// Writes one zstd frame, whose end comes when this is disposed. Calls may not overlap. Disposing it disposes the stream below
/// unless it was made to leave that open.
/// </summary>
public sealed unsafe class ZstdCompressStream : Stream
{
    private const int OutputBytes = 64 * 1024;

    private readonly Stream _compressed;
    private readonly bool _leaveOpen;
    private readonly ZstdCompressionContext _context = new();
    private readonly byte[] _output = new byte[OutputBytes];
    private bool _ended;

    /// <summary>Writes to a stream at a level of zstd's, 1 to 19.</summary>
    public ZstdCompressStream(Stream compressed, int level, bool leaveOpen = false)
    {
        ArgumentNullException.ThrowIfNull(compressed);
        _compressed = compressed;
        _leaveOpen = leaveOpen;
        Check(ZstdCalls.ZSTD_CCtx_setParameter(_context.Pointer, ZstdCalls.ParameterCompressionLevel, level));
    }

    /// <inheritdoc/>
    public override bool CanRead => false;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => true;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        ObjectDisposedException.ThrowIf(_ended, this);
        Run(buffer, ZstdCalls.DirectiveContinue);
    }

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count)
    {
        ValidateBufferArguments(buffer, offset, count);
        Write(buffer.AsSpan(offset, count));
    }

    /// <summary>Writes out all that was given, so that a reader sees it; this costs some compression.</summary>
    public override void Flush()
    {
        ObjectDisposedException.ThrowIf(_ended, this);
        Run([], ZstdCalls.DirectiveFlush);
        _compressed.Flush();
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing && !_ended)
        {
            _ended = true;
            try
            {
                Run([], ZstdCalls.DirectiveEnd);
            }
            finally
            {
                _context.Dispose();
                if (!_leaveOpen)
                {
                    _compressed.Dispose();
                }
            }
        }

        base.Dispose(disposing);
    }

    private void Run(ReadOnlySpan<byte> input, int directive)
    {
        fixed (byte* from = input, to = _output)
        {
            var source = new ZstdCalls.ZstdBuffer { Bytes = from, Length = (nuint)input.Length };
            nuint remaining;
            do
            {
                var target = new ZstdCalls.ZstdBuffer { Bytes = to, Length = OutputBytes };
                remaining = Check(ZstdCalls.ZSTD_compressStream2(_context.Pointer, &target, &source, directive));
                _compressed.Write(_output, 0, (int)target.Position);
            }
            while (directive == ZstdCalls.DirectiveContinue ? source.Position < source.Length : remaining != 0);
        }
    }

    private static nuint Check(nuint result) => ZstdCalls.ZSTD_isError(result) == 0
        ? result
        : throw new InvalidOperationException($"zstd cannot compress: {ZstdCalls.ErrorName(result)}.");
}
