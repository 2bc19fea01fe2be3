namespace NixFuseStore.Content;

/// <summary>
/// The 32 characters of a store path's hash part: as text in content, packed into 20 bytes in a header.
/// </summary>
/// <remarks>
/// Packed, the characters are base-32 digits of five bits each, the first in the topmost bits. (Nix prints a digest's digits in the
/// opposite order; here only density matters, and text order keeps both directions simple.)
/// </remarks>
internal static class StoreHash
{
    public const int TextBytes = 32;
    public const int PackedBytes = 20;

    /// <summary>What stands in the content instead: a letter that Nix's base-32 lacks, so that no blank looks like a hash.</summary>
    public const byte Blank = (byte)'e';

    private const byte NoDigit = 255;

    private static ReadOnlySpan<byte> Alphabet => "0123456789abcdfghijklmnpqrsvwxyz"u8;

    // The digit of each byte from '0' to 'z'. Constant data: no initialiser runs.
    private static ReadOnlySpan<byte> Digits =>
    [
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 255, 255, 255, 255, 255, 255,
        255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
        255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
        255, 10, 11, 12, 13, 255, 14, 15, 16, 17, 18, 19, 20, 21, 22, 255,
        23, 24, 25, 26, 255, 255, 27, 28, 29, 30, 31,
    ];

    /// <summary>Whether 32 bytes are all base-32 digits, and if so their packed form.</summary>
    public static bool TryPack(ReadOnlySpan<byte> text, Span<byte> packed)
    {
        text = text[..TextBytes];
        packed = packed[..PackedBytes];
        for (int from = 0, to = 0; from < TextBytes; from += 8, to += 5)
        {
            ulong bits = 0;
            foreach (var letter in text.Slice(from, 8))
            {
                var place = letter - '0';
                if ((uint)place >= (uint)Digits.Length || Digits[place] == NoDigit)
                {
                    return false;
                }

                bits = (bits << 5) | Digits[place];
            }

            packed[to] = (byte)(bits >> 32);
            packed[to + 1] = (byte)(bits >> 24);
            packed[to + 2] = (byte)(bits >> 16);
            packed[to + 3] = (byte)(bits >> 8);
            packed[to + 4] = (byte)bits;
        }

        return true;
    }

    /// <summary>Writes the 32 characters of a packed hash. Every 20 bytes are one.</summary>
    public static void Unpack(ReadOnlySpan<byte> packed, Span<byte> text)
    {
        packed = packed[..PackedBytes];
        text = text[..TextBytes];
        for (int from = 0, to = 0; to < TextBytes; from += 5, to += 8)
        {
            var bits = ((ulong)packed[from] << 32) | ((ulong)packed[from + 1] << 24) | ((ulong)packed[from + 2] << 16)
                | ((ulong)packed[from + 3] << 8) | packed[from + 4];
            for (var digit = 0; digit < 8; digit++)
            {
                text[to + digit] = Alphabet[(int)(bits >> (35 - (5 * digit))) & 31];
            }
        }
    }

    /// <summary>Whether 32 bytes at a position are all blanked.</summary>
    public static bool IsBlank(ReadOnlySpan<byte> text) => !text[..TextBytes].ContainsAnyExcept(Blank);
}
