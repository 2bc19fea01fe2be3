namespace NixFuseStore.Nix;

// The text form that keys and signatures share: "name:base64".
internal static class KeyText
{
    internal static bool TryParse(ReadOnlySpan<char> text, int byteCount, out string name, out byte[] bytes)
    {
        name = "";
        bytes = new byte[byteCount];
        int colon = text.IndexOf(':');
        if (colon <= 0)
        {
            return false;
        }

        var digits = text[(colon + 1)..];
        if (!IsName(text[..colon])
            || digits.Length != (byteCount + 2) / 3 * 4
            || !Convert.TryFromBase64Chars(digits, bytes, out int written)
            || written != byteCount)
        {
            return false;
        }

        name = new string(text[..colon]);
        return true;
    }

    // Names stand in narinfo lines and in lists separated by spaces.
    internal static bool IsName(ReadOnlySpan<char> name)
    {
        foreach (char character in name)
        {
            if (character is <= ' ' or ':' or >= (char)0x7f)
            {
                return false;
            }
        }

        return name.Length > 0;
    }

    internal static string Print(string name, ReadOnlySpan<byte> bytes) => $"{name}:{Convert.ToBase64String(bytes)}";
}
