using System.Text;

namespace NixFuseStore.Cli.LocalSockets;

/// <summary>Reads lines of a bounded length from a stream whose other end need not mean well. One reader at a time.</summary>
/// <param name="stream">Stays the caller's.</param>
/// <param name="lineBytesMax">A longer line is an error, of which no more than this is ever kept.</param>
internal sealed class LineReader(Stream stream, int lineBytesMax)
{
    private const int FirstBytes = 4096;

    private byte[] _buffer = new byte[Math.Min(FirstBytes, lineBytesMax)];
    private int _start;
    private int _end;

    /// <summary>The next line without its end; null where the stream has ended. A last line that has no end counts.</summary>
    /// <exception cref="InvalidDataException">The line is too long.</exception>
    public async ValueTask<string?> ReadAsync(CancellationToken cancellationToken)
    {
        var seen = 0;
        while (true)
        {
            // 1. What is here already.
            var line = _buffer.AsSpan(_start, _end - _start);
            if (line[seen..].IndexOf((byte)'\n') is var end and >= 0)
            {
                var text = Encoding.UTF8.GetString(line[..(seen + end)]);
                _start += seen + end + 1;
                return text;
            }

            seen = line.Length;
            if (seen >= lineBytesMax)
            {
                throw new InvalidDataException($"a line is longer than {lineBytesMax} bytes");
            }

            // 2. Room for more of it.
            if (_end == _buffer.Length)
            {
                var next = seen == _buffer.Length ? new byte[Math.Min(lineBytesMax, _buffer.Length * 2)] : _buffer;
                Buffer.BlockCopy(_buffer, _start, next, 0, seen);
                (_buffer, _start, _end) = (next, 0, seen);
            }

            // 3. More of it.
            var read = await stream.ReadAsync(_buffer.AsMemory(_end), cancellationToken).ConfigureAwait(false);
            if (read == 0)
            {
                _start = _end;
                return seen == 0 ? null : Encoding.UTF8.GetString(_buffer, _end - seen, seen);
            }

            _end += read;
        }
    }
}
