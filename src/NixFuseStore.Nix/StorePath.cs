using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace NixFuseStore.Nix;

/// <summary>
/// A store path without its store directory: the base name <c>&lt;32 base-32 characters&gt;-&lt;name&gt;</c>. Instances other
/// than <c>default</c> are valid names. They order bytewise, as stores list them.
/// </summary>
public readonly record struct StorePath : IComparable<StorePath>
{
    /// <summary>Characters of the hash part.</summary>
    public const int HashPartLength = 32;

    /// <summary>A name has at least one character and at most this many.</summary>
    public const int NameLengthMax = 211;

    /// <summary>Characters of the longest base name.</summary>
    public const int BaseNameLengthMax = HashPartLength + 1 + NameLengthMax;

    private readonly string? _baseName;

    private StorePath(string baseName) => _baseName = baseName;

    /// <summary>Hash part, dash and name; empty for <c>default</c>.</summary>
    public string BaseName => _baseName ?? "";

    /// <summary>The first 32 characters, which identify the path within a store. A new string at each call.</summary>
    public string HashPart => BaseName[..HashPartLength];

    /// <summary>What stands behind the dash. A new string at each call.</summary>
    public string Name => BaseName[(HashPartLength + 1)..];

    /// <summary>Whether this is <c>default</c> and names nothing.</summary>
    public bool IsDefault => _baseName is null;

    /// <summary>Reads a base name; false where it is none that Nix takes.</summary>
    public static bool TryParseBaseName(ReadOnlySpan<char> text, out StorePath path)
    {
        Span<byte> bytes = stackalloc byte[BaseNameLengthMax];
        if (text.Length > BaseNameLengthMax || !Ascii.IsValid(text))
        {
            path = default;
            return false;
        }

        Ascii.FromUtf16(text, bytes, out int length);
        bool valid = IsBaseName(bytes[..length]);
        path = valid ? new StorePath(new string(text)) : default;
        return valid;
    }

    /// <summary>Reads a base name from its ASCII bytes; false where it is none that Nix takes.</summary>
    public static bool TryParseBaseName(ReadOnlySpan<byte> text, out StorePath path)
    {
        bool valid = IsBaseName(text);
        path = valid ? new StorePath(Encoding.ASCII.GetString(text)) : default;
        return valid;
    }

    /// <summary>Reads a base name.</summary>
    /// <exception cref="FormatException">It is none that Nix takes.</exception>
    public static StorePath ParseBaseName(string baseName)
    {
        ArgumentNullException.ThrowIfNull(baseName);
        return TryParseBaseName(baseName.AsSpan(), out var path)
            ? path
            : throw new FormatException($"'{baseName}' is not the base name of a store path (32 base-32 characters, a dash, a name).");
    }

    /// <summary>Puts a path together from its 20-byte hash and its name.</summary>
    /// <exception cref="FormatException">The name is none that Nix takes.</exception>
    public static StorePath Create(ReadOnlySpan<byte> hash, string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return hash.Length == 20
            ? ParseBaseName($"{NixBase32.Encode(hash)}-{name}")
            : throw new ArgumentException($"A store path's hash has 20 bytes, not {hash.Length}.", nameof(hash));
    }

    /// <summary>Whether these ASCII bytes are a base name. Allocates nothing.</summary>
    public static bool IsBaseName(ReadOnlySpan<byte> text)
    {
        if (text.Length is <= HashPartLength + 1 or > BaseNameLengthMax || text[HashPartLength] != (byte)'-')
        {
            return false;
        }

        foreach (byte character in text[..HashPartLength])
        {
            if (!NixBase32.IsDigit(character))
            {
                return false;
            }
        }

        return IsName(text[(HashPartLength + 1)..]);
    }

    /// <summary>Whether these 32 characters can be the hash part of a path.</summary>
    public static bool IsHashPart([NotNullWhen(true)] string? text)
    {
        if (text is not { Length: HashPartLength })
        {
            return false;
        }

        foreach (char character in text)
        {
            if (!NixBase32.IsDigit(character))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Whether these ASCII bytes can stand behind the dash.</summary>
    public static bool IsName(ReadOnlySpan<byte> name)
    {
        if (name.Length is 0 or > NameLengthMax)
        {
            return false;
        }

        // Nix 2.34: neither "." nor "..", alone or before the first dash.
        if (name[0] == (byte)'.')
        {
            var rest = name[1..];
            if (rest is [] or [(byte)'-', ..] or [(byte)'.'] or [(byte)'.', (byte)'-', ..])
            {
                return false;
            }
        }

        foreach (byte character in name)
        {
            if (!char.IsAsciiLetterOrDigit((char)character) && !"+-._?="u8.Contains(character))
            {
                return false;
            }
        }

        return true;
    }

    /// <inheritdoc/>
    public int CompareTo(StorePath other) => string.CompareOrdinal(BaseName, other.BaseName);

    /// <summary>Bytewise order.</summary>
    public static bool operator <(StorePath left, StorePath right) => left.CompareTo(right) < 0;

    /// <summary>Bytewise order.</summary>
    public static bool operator <=(StorePath left, StorePath right) => left.CompareTo(right) <= 0;

    /// <summary>Bytewise order.</summary>
    public static bool operator >(StorePath left, StorePath right) => left.CompareTo(right) > 0;

    /// <summary>Bytewise order.</summary>
    public static bool operator >=(StorePath left, StorePath right) => left.CompareTo(right) >= 0;

    /// <summary>The base name.</summary>
    public override string ToString() => BaseName;
}
