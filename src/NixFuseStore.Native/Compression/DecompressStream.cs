using NixFuseStore.Native.Streams;

namespace NixFuseStore.Native.Compression;

/// <summary>
/// Reads what a compressed stream holds. Truncated or malformed input is an <see cref="InvalidDataException"/>. Calls may not
/// overlap. Disposing it disposes the compressed stream unless it was made to leave that open.
/// </summary>
public abstract class DecompressStream : ForwardReadStream
{
    private const int InputBytes = 64 * 1024;

    private readonly Stream _compressed;
    private readonly bool _leaveOpen;
    private readonly IDecoder _decoder;
    private readonly byte[] _input = new byte[InputBytes];
    private int _inputStart;
    private int _inputEnd;
    private bool _inputEnded;

    private protected DecompressStream(Stream compressed, bool leaveOpen, IDecoder decoder)
    {
        ArgumentNullException.ThrowIfNull(compressed);
        _compressed = compressed;
        _leaveOpen = leaveOpen;
        _decoder = decoder;
    }

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        int length;
        while (!TryDecode(buffer, out length))
        {
            InputRead(_compressed.Read(_input, 0, InputBytes));
        }

        return length;
    }

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        int length;
        while (!TryDecode(buffer.Span, out length))
        {
            InputRead(await _compressed.ReadAsync(_input.AsMemory(0, InputBytes), cancellationToken).ConfigureAwait(false));
        }

        return length;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _decoder.Dispose();
            if (!_leaveOpen)
            {
                _compressed.Dispose();
            }
        }

        base.Dispose(disposing);
    }

    // False where more input has to be read first. Zero bytes mean the end.
    private bool TryDecode(Span<byte> buffer, out int length)
    {
        length = 0;
        if (buffer.IsEmpty)
        {
            return true;
        }

        while (true)
        {
            bool noInput = _inputStart == _inputEnd;
            if (noInput && _inputEnded && _decoder.IsAtEnd)
            {
                return true;
            }

            _decoder.Decode(_input.AsSpan(_inputStart, _inputEnd - _inputStart), buffer, _inputEnded, out int consumed, out length);
            _inputStart += consumed;
            if (length > 0)
            {
                return true;
            }

            if (_inputStart == _inputEnd && !_inputEnded)
            {
                return false;
            }

            if (consumed == 0 && !(_inputEnded && _decoder.IsAtEnd))
            {
                throw new InvalidDataException("The compressed data ends too early.");
            }
        }
    }

    private void InputRead(int length)
    {
        _inputStart = 0;
        _inputEnd = length;
        _inputEnded = length == 0;
    }
}
