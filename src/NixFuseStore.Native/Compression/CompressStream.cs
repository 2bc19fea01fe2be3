using NixFuseStore.Native.Streams;

namespace NixFuseStore.Native.Compression;

/// <summary>
/// Writes a compressed stream, whose end comes when this is disposed. Calls may not overlap. Disposing it disposes the stream below
/// unless it was made to leave that open.
/// </summary>
public abstract class CompressStream : ForwardWriteStream
{
    private const int OutputBytes = 64 * 1024;

    private readonly Stream _compressed;
    private readonly bool _leaveOpen;
    private readonly IEncoder _encoder;
    private readonly byte[] _output = new byte[OutputBytes];
    private bool _ended;

    private protected CompressStream(Stream compressed, bool leaveOpen, IEncoder encoder)
    {
        ArgumentNullException.ThrowIfNull(compressed);
        _compressed = compressed;
        _leaveOpen = leaveOpen;
        _encoder = encoder;
    }

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        ObjectDisposedException.ThrowIf(_ended, this);
        while (!buffer.IsEmpty)
        {
            _encoder.Encode(buffer, _output, EncoderDirective.Continue, out int consumed, out int produced);
            _compressed.Write(_output, 0, produced);
            buffer = buffer[consumed..];
        }
    }

    /// <summary>Writes out all that was given, so that a reader sees it; this costs some compression.</summary>
    public override void Flush()
    {
        ObjectDisposedException.ThrowIf(_ended, this);
        Drain(EncoderDirective.Flush);
        _compressed.Flush();
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing && !_ended)
        {
            _ended = true;
            try
            {
                Drain(EncoderDirective.End);
            }
            finally
            {
                _encoder.Dispose();
                if (!_leaveOpen)
                {
                    _compressed.Dispose();
                }
            }
        }

        base.Dispose(disposing);
    }

    private void Drain(EncoderDirective directive)
    {
        bool isDone;
        do
        {
            isDone = _encoder.Encode([], _output, directive, out _, out int produced);
            _compressed.Write(_output, 0, produced);
        }
        while (!isDone);
    }
}
