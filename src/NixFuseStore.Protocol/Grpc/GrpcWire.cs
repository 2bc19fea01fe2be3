using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Google.Protobuf;

namespace NixFuseStore.Protocol.Grpc;

/// <summary>The parts of gRPC's wire format that both sides share.</summary>
/// <remarks>
/// A body is a row of messages, each with a prefix of five bytes; numbers are big-endian:
/// <code>
///  0            1                              5
/// +------------+------------------------------+------------------ - - -
/// | compressed | length                       | message
/// | u8, 0      | u32                          | `length` bytes
/// +------------+------------------------------+------------------ - - -
/// </code>
/// The status travels in the trailers <c>grpc-status</c> and <c>grpc-message</c> (percent-encoded), or among the headers
/// where there is no body ("trailers only").
/// </remarks>
public static class GrpcWire
{
    /// <summary>Bytes before each message.</summary>
    public const int PrefixBytes = 5;

    /// <summary>The content type of requests and responses; peers may add <c>+proto</c>.</summary>
    public const string ContentType = "application/grpc";

    /// <summary>A header's longest decimal: the specification allows eight digits.</summary>
    private const long TimeoutValueMax = 99_999_999;

    /// <summary>Lays out one message with its prefix.</summary>
    public static byte[] Frame(IMessage message)
    {
        ArgumentNullException.ThrowIfNull(message);
        var length = message.CalculateSize();
        var bytes = GC.AllocateUninitializedArray<byte>(PrefixBytes + length);
        WritePrefix(bytes, length);
        message.WriteTo(bytes.AsSpan(PrefixBytes));
        return bytes;
    }

    /// <summary>Writes the five bytes before a message.</summary>
    public static void WritePrefix(Span<byte> destination, int length)
    {
        destination[0] = 0;
        BinaryPrimitives.WriteUInt32BigEndian(destination[1..], (uint)length);
    }

    /// <summary>Reads the five bytes before a message.</summary>
    /// <returns>The message's length.</returns>
    /// <exception cref="RpcException">The message is compressed, or longer than <paramref name="lengthMax"/>.</exception>
    public static int ReadPrefix(ReadOnlySpan<byte> prefix, int lengthMax)
    {
        if (prefix[0] != 0)
        {
            throw prefix[0] == 1
                ? new RpcException(StatusCode.Unimplemented, "the message is compressed, although no compression was agreed on")
                : new RpcException(StatusCode.Internal, "the bytes are no gRPC message");
        }

        var length = BinaryPrimitives.ReadUInt32BigEndian(prefix[1..]);
        return length <= (uint)lengthMax
            ? (int)length
            : throw new RpcException(StatusCode.ResourceExhausted, $"a message of {length} bytes is longer than the {lengthMax} bytes allowed");
    }

    /// <summary>Prints a <c>grpc-timeout</c>: at most eight digits and a unit.</summary>
    public static string FormatTimeout(TimeSpan timeout)
    {
        var milliseconds = Math.Max(1, (long)timeout.TotalMilliseconds);
        return milliseconds <= TimeoutValueMax
            ? milliseconds.ToString(CultureInfo.InvariantCulture) + "m"
            : Math.Min(TimeoutValueMax, milliseconds / 1000).ToString(CultureInfo.InvariantCulture) + "S";
    }

    /// <summary>Reads a <c>grpc-timeout</c>.</summary>
    /// <returns>False where the text is no timeout, which callers treat as none given.</returns>
    public static bool TryParseTimeout(ReadOnlySpan<char> text, out TimeSpan timeout)
    {
        timeout = default;
        if (text.Length is < 2 or > 9 || !long.TryParse(text[..^1], NumberStyles.None, CultureInfo.InvariantCulture, out var value))
        {
            return false;
        }

        var ticks = text[^1] switch
        {
            'H' => TimeSpan.TicksPerHour,
            'M' => TimeSpan.TicksPerMinute,
            'S' => TimeSpan.TicksPerSecond,
            'm' => TimeSpan.TicksPerMillisecond,
            'u' => TimeSpan.TicksPerMicrosecond,
            'n' => 0,
            _ => -1,
        };
        if (ticks < 0)
        {
            return false;
        }

        timeout = ticks == 0 ? TimeSpan.FromTicks((value + 99) / 100) : TimeSpan.FromTicks(value * ticks);
        return true;
    }

    /// <summary>Percent-encodes a status detail: printable ASCII but <c>%</c> stands for itself.</summary>
    public static string EncodeMessage(string message)
    {
        ArgumentNullException.ThrowIfNull(message);
        if (!message.AsSpan().ContainsAnyExceptInRange(' ', '~') && !message.Contains('%', StringComparison.Ordinal))
        {
            return message;
        }

        var text = new StringBuilder(message.Length + 16);
        foreach (var b in Encoding.UTF8.GetBytes(message))
        {
            if (b is >= 0x20 and <= 0x7e and not (byte)'%')
            {
                text.Append((char)b);
            }
            else
            {
                text.Append('%').Append(b.ToString("X2", CultureInfo.InvariantCulture));
            }
        }

        return text.ToString();
    }

    /// <summary>Undoes <see cref="EncodeMessage"/>; what is wrongly encoded is kept as it stands, as the specification asks.</summary>
    public static string DecodeMessage(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (!text.Contains('%', StringComparison.Ordinal))
        {
            return text;
        }

        var source = Encoding.UTF8.GetBytes(text);
        var length = 0;
        for (var i = 0; i < source.Length; i++)
        {
            if (source[i] == '%' && i + 2 < source.Length
                && char.IsAsciiHexDigit((char)source[i + 1]) && char.IsAsciiHexDigit((char)source[i + 2]))
            {
                source[length++] = (byte)((Convert.FromHexString([(char)source[i + 1], (char)source[i + 2]]))[0]);
                i += 2;
            }
            else
            {
                source[length++] = source[i];
            }
        }

        return Encoding.UTF8.GetString(source, 0, length);
    }
}
