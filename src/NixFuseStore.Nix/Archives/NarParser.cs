using System.Buffers.Binary;
using System.Text;

namespace NixFuseStore.Nix.Archives;

/// <summary>
/// Reads a NAR that arrives in pieces and sends its events to a visitor. Takes only what Nix itself writes, so that a tree has
/// exactly one NAR. Never holds more than one name or link target; claimed sizes allocate nothing.
/// </summary>
/// <remarks>
/// A loop over three kinds of steps: the 8-byte length of a string, the bytes of a short string with their padding
/// (<see cref="_token"/>), and the contents of a file, which pass through. What string comes next is <see cref="_expected"/>; the
/// other file of this class decides what it may be. <see cref="NarWriter"/> draws the format.
/// </remarks>
public sealed partial class NarParser
{
    private readonly INarVisitor _visitor;

    // Length, bytes and padding of the string being read.
    private readonly byte[] _token = new byte[8 + NarLimits.TargetBytesMax + 1];
    private int _tokenBytes;
    private int _tokenNeeded = 8;

    private Expected _expected = Expected.Magic;
    private ulong _contentsRemaining;
    private int _contentsPadding;
    private bool _failed;

    /// <summary>The visitor gets its calls from within <see cref="Write"/>, and what it throws passes through.</summary>
    public NarParser(INarVisitor visitor)
    {
        ArgumentNullException.ThrowIfNull(visitor);
        _visitor = visitor;
    }

    /// <summary>Whether the NAR has ended; nothing more is consumed then.</summary>
    public bool IsComplete => _expected == Expected.Nothing;

    /// <summary>Bytes consumed so far; the size of the NAR once <see cref="IsComplete"/>.</summary>
    public ulong BytesConsumed { get; private set; }

    /// <summary>Consumes bytes, all of them unless the NAR ends before, and returns how many.</summary>
    /// <exception cref="NarFormatException">The bytes are no NAR. The parser takes nothing more.</exception>
    public int Write(ReadOnlySpan<byte> data)
    {
        if (_failed)
        {
            throw new InvalidOperationException("The parser has refused this NAR.");
        }

        _failed = true;
        int consumed = 0;
        while (consumed < data.Length && !IsComplete)
        {
            consumed += _expected == Expected.ContentsBytes ? PassContents(data[consumed..]) : FillToken(data[consumed..]);
        }

        BytesConsumed += (ulong)consumed;
        _failed = false;
        return consumed;
    }

    /// <summary>To be called when there are no more bytes.</summary>
    /// <exception cref="NarFormatException">The NAR has not ended.</exception>
    public void Complete()
    {
        if (!IsComplete)
        {
            throw new NarFormatException($"The NAR ends too early, after {BytesConsumed} bytes.");
        }
    }

    private int PassContents(ReadOnlySpan<byte> data)
    {
        int length = (int)Math.Min((ulong)data.Length, _contentsRemaining);
        _visitor.FileData(data[..length]);
        _contentsRemaining -= (ulong)length;
        if (_contentsRemaining == 0)
        {
            EndContents();
        }

        return length;
    }

    private int FillToken(ReadOnlySpan<byte> data)
    {
        int length = Math.Min(data.Length, _tokenNeeded - _tokenBytes);
        data[..length].CopyTo(_token.AsSpan(_tokenBytes));
        _tokenBytes += length;
        if (_tokenBytes == _tokenNeeded)
        {
            TokenFilled();
        }

        return length;
    }

    // Called twice for a string: with its length only, and with all of it. Padding behind contents is a "token" without length.
    private void TokenFilled()
    {
        if (_expected == Expected.ContentsPadding)
        {
            RequireZeros(_token.AsSpan(0, _tokenNeeded));
            NextToken(Expected.FileClose);
            _visitor.EndFile();
            return;
        }

        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(_token);
        if (_expected == Expected.ContentsLength)
        {
            BeginContents(length);
            return;
        }

        if (_tokenNeeded == 8 && length != 0)
        {
            RequireLength(length);
            _tokenNeeded = 8 + (int)((length + 7) & ~7UL);
            return;
        }

        var text = _token.AsSpan(8, _tokenNeeded == 8 ? 0 : (int)length);
        RequireZeros(_token.AsSpan(8 + text.Length, _tokenNeeded - 8 - text.Length));
        _tokenBytes = 0;
        _tokenNeeded = 8;
        Advance(text);
    }

    private void NextToken(Expected expected)
    {
        _expected = expected;
        _tokenBytes = 0;
        _tokenNeeded = 8;
    }

    private void RequireLength(ulong length)
    {
        int longest = _expected switch
        {
            Expected.NameValue => NarLimits.NameBytesMax,
            Expected.TargetValue => NarLimits.TargetBytesMax,
            _ => 16, // longer than any keyword
        };
        if (length > (ulong)longest)
        {
            throw new NarFormatException($"The NAR has a string of {length} bytes where at most {longest} may stand ({Describe(_expected)}).");
        }
    }

    private static void RequireZeros(ReadOnlySpan<byte> padding)
    {
        if (padding.ContainsAnyExcept((byte)0))
        {
            throw new NarFormatException("The NAR has padding that is not zero.");
        }
    }

    private static string Quote(ReadOnlySpan<byte> text) => $"'{Encoding.UTF8.GetString(text).Replace("\0", "\\0", StringComparison.Ordinal)}'";
}
