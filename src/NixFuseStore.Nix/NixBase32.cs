namespace NixFuseStore.Nix;

/// <summary>
/// Nix's base-32: the digits <c>0123456789abcdfghijklmnpqrsvwxyz</c> (no e, o, t, u), little-endian, printed most significant
/// digit first. The character at position k from the end holds the bits 5k to 5k+4, where bit b is bit (b mod 8) of byte (b div 8).
/// </summary>
public static class NixBase32
{
    /// <summary>The 32 digits in order of their value.</summary>
    public const string Alphabet = "0123456789abcdfghijklmnpqrsvwxyz";

    private const byte NoDigit = 0xff;

    private static ReadOnlySpan<byte> Values =>
    [
        // '0' to 'z'; what is no digit is NoDigit.
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, NoDigit, NoDigit, NoDigit, NoDigit, NoDigit, NoDigit,
        NoDigit, NoDigit, NoDigit, NoDigit, NoDigit, NoDigit, NoDigit, NoDigit, NoDigit, NoDigit, NoDigit, NoDigit, NoDigit, NoDigit, NoDigit, NoDigit,
        NoDigit, NoDigit, NoDigit, NoDigit, NoDigit, NoDigit, NoDigit, NoDigit, NoDigit, NoDigit, NoDigit, NoDigit, NoDigit, NoDigit, NoDigit, NoDigit,
        NoDigit, 10, 11, 12, 13, NoDigit, 14, 15, 16, 17, 18, 19, 20, 21, 22, NoDigit,
        23, 24, 25, 26, NoDigit, NoDigit, 27, 28, 29, 30, 31,
    ];

    /// <summary>How many characters so many bytes make.</summary>
    public static int EncodedLength(int byteCount) => ((byteCount * 8) + 4) / 5;

    /// <summary>Whether the character is one of the 32 digits.</summary>
    public static bool IsDigit(char character) => ValueOf(character) != NoDigit;

    /// <summary>Whether the ASCII byte is one of the 32 digits.</summary>
    public static bool IsDigit(byte character) => ValueOf((char)character) != NoDigit;

    /// <summary>The text of some bytes.</summary>
    public static string Encode(ReadOnlySpan<byte> bytes)
    {
        Span<char> text = stackalloc char[EncodedLength(bytes.Length)];
        for (int digit = 0; digit < text.Length; digit++)
        {
            int bit = digit * 5;
            int index = bit >> 3;
            int shift = bit & 7;
            int value = bytes[index] >> shift;
            if (shift > 3 && index + 1 < bytes.Length)
            {
                value |= bytes[index + 1] << (8 - shift);
            }

            text[text.Length - 1 - digit] = Alphabet[value & 31];
        }

        return new string(text);
    }

    /// <summary>
    /// Reads text whose length is exactly <see cref="EncodedLength"/> of <paramref name="bytes"/>. False for other lengths,
    /// for other characters and where bits beyond the last byte are set, so that bytes have one text only.
    /// </summary>
    public static bool TryDecode(ReadOnlySpan<char> text, Span<byte> bytes)
    {
        if (text.Length != EncodedLength(bytes.Length))
        {
            return false;
        }

        bytes.Clear();
        for (int digit = 0; digit < text.Length; digit++)
        {
            int value = ValueOf(text[text.Length - 1 - digit]);
            if (value == NoDigit)
            {
                return false;
            }

            int bit = digit * 5;
            int index = bit >> 3;
            int shifted = value << (bit & 7);
            bytes[index] |= (byte)shifted;
            int carry = shifted >> 8;
            if (index + 1 < bytes.Length)
            {
                bytes[index + 1] |= (byte)carry;
            }
            else if (carry != 0)
            {
                return false;
            }
        }

        return true;
    }

    private static byte ValueOf(char character) =>
        (uint)(character - '0') < (uint)Values.Length ? Values[character - '0'] : NoDigit;
}
