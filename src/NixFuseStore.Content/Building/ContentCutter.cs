using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace NixFuseStore.Content;

/// <summary>
/// Finds where chunks end: FastCDC with normalised chunking (Xia et al., USENIX ATC 2016), level 2.
/// </summary>
/// <remarks>
/// The rolling hash shifts left, so its topmost bits depend on the last 64 bytes. A cut is a hash whose topmost bits are zero:
/// two more bits than the average asks for before the average length, two less behind it. Unlike in the paper, the hash is warm
/// (64 bytes old) where it first decides, so that a cut depends on nothing but those 64 bytes.
/// </remarks>
internal sealed class ContentCutter
{
    private const int WindowBytes = 64;
    private const int NormalisationBits = 2;

    private readonly ulong[] _gear = GearTable.Words;
    private readonly int _bytesMin;
    private readonly int _bytesAverage;
    private readonly int _bytesMax;
    private readonly ulong _limitBefore;
    private readonly ulong _limitBehind;

    public ContentCutter(ChunkingParameters parameters)
    {
        _bytesMin = parameters.BytesMin;
        _bytesAverage = parameters.BytesAverage;
        _bytesMax = parameters.BytesMax;
        var bits = BitOperations.Log2((uint)parameters.BytesAverage);
        _limitBefore = 1UL << (64 - bits - NormalisationBits);
        _limitBehind = 1UL << (64 - bits + NormalisationBits);
    }

    /// <summary>
    /// The length of the first chunk of <paramref name="content"/>, which must hold the longest possible chunk or end where a cut is forced.
    /// </summary>
    public int FirstChunkLength(ReadOnlySpan<byte> content)
    {
        if (content.Length <= _bytesMin)
        {
            return content.Length;
        }

        var end = Math.Min(content.Length, _bytesMax);
        var middle = Math.Min(_bytesAverage, end);
        ulong hash = 0;
        var at = Math.Max(0, _bytesMin - WindowBytes);
        foreach (var value in content[at.._bytesMin])
        {
            hash = (hash << 1) + _gear[value];
        }

        at = Scan(content[..middle], _bytesMin, _limitBefore, ref hash);
        return at < middle ? at + 1 : Math.Min(Scan(content[..end], middle, _limitBehind, ref hash) + 1, end);
    }

    /// <summary>The first position at which the hash is below the limit, or the content's length.</summary>
    private int Scan(ReadOnlySpan<byte> content, int at, ulong limit, ref ulong hash)
    {
        ref var gear = ref MemoryMarshal.GetArrayDataReference(_gear);
        var rolling = hash;
        for (; at < content.Length; at++)
        {
            // A byte is always within the 256 words; the bounds check would cost a tenth.
            rolling = (rolling << 1) + Unsafe.Add(ref gear, content[at]);
            if (rolling < limit)
            {
                break;
            }
        }

        hash = rolling;
        return at;
    }
}
