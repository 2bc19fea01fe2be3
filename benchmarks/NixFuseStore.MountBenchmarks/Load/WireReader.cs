using System.Buffers.Binary;
using System.Text;

namespace NixFuseStore.MountBenchmarks.Load;

/// <summary>Replies of Nix's worker protocol.</summary>
internal sealed class WireReader(Stream stream)
{
    private const ulong LastMessage = 0x616c7473; // STDERR_LAST
    private const ulong ErrorMessage = 0x63787470; // STDERR_ERROR
    private const ulong NextMessage = 0x6f6c6d67; // STDERR_NEXT
    private readonly byte[] _number = new byte[sizeof(ulong)];

    public ulong Number()
    {
        stream.ReadExactly(_number);
        return BinaryPrimitives.ReadUInt64LittleEndian(_number);
    }

    public string Text()
    {
        var length = checked((int)Number());
        var bytes = new byte[(length + 7) / 8 * 8];
        stream.ReadExactly(bytes);
        return Encoding.UTF8.GetString(bytes, 0, length);
    }

    /// <summary>Skips what is logged, up to the message after which the response comes.</summary>
    public void ToResponse()
    {
        while (true)
        {
            switch (Number())
            {
                case LastMessage:
                    return;
                case NextMessage:
                    Text();
                    break;
                case ErrorMessage:
                    // The kind, a level and a name come before the message.
                    _ = (Text(), Number(), Text());
                    throw new BenchmarkException("the daemon refused a registration: " + Text());
                case var other:
                    throw new BenchmarkException($"the daemon sent a message of the unknown kind {other:x}");
            }
        }
    }

    /// <summary>Skips a ValidPathInfo and returns its path.</summary>
    public string ValidPath()
    {
        var path = Text();
        _ = (Text(), Text());
        SkipTexts();
        _ = (Number(), Number(), Number());
        SkipTexts();
        Text();
        return path;
    }

    private void SkipTexts()
    {
        for (var left = Number(); left > 0; left--)
        {
            Text();
        }
    }
}
