namespace NixFuseStore.Content;

/// <summary>The name of a manifest: the SHA-256 of its header, which in turn names the sections.</summary>
public readonly struct ManifestDigest : IEquatable<ManifestDigest>, IComparable<ManifestDigest>
{
    /// <summary>Bytes of the binary form.</summary>
    public const int Size = Digest256.Size;

    private readonly Digest256 _value;

    private ManifestDigest(Digest256 value) => _value = value;

    /// <summary>The digest of a header's canonical bytes.</summary>
    public static ManifestDigest Compute(ReadOnlySpan<byte> data) => new(Digest256.Compute(data));

    /// <summary>Takes the first 32 bytes as they are.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There are fewer than 32 bytes.</exception>
    public static ManifestDigest Read(ReadOnlySpan<byte> bytes) => new(Digest256.Read(bytes));

    /// <summary>Reads 64 hexadecimal digits.</summary>
    public static bool TryParse(ReadOnlySpan<char> hex, out ManifestDigest value)
    {
        var parsed = Digest256.TryParseHex(hex, out var digest);
        value = new ManifestDigest(digest);
        return parsed;
    }

    /// <summary>Writes the 32 bytes to the start of <paramref name="destination"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The destination is shorter than 32 bytes.</exception>
    public void CopyTo(Span<byte> destination) => _value.CopyTo(destination);

    /// <summary>The 32 bytes in an array of their own.</summary>
    public byte[] ToArray() => _value.ToArray();

    /// <inheritdoc/>
    public bool Equals(ManifestDigest other) => _value == other._value;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is ManifestDigest other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => _value.GetHashCode();

    /// <summary>Bytewise order, which is also the order of the text forms.</summary>
    public int CompareTo(ManifestDigest other) => _value.CompareTo(other._value);

    /// <summary>64 lower-case hexadecimal digits.</summary>
    public override string ToString() => _value.ToString();

    /// <summary>Whether both are the same 32 bytes.</summary>
    public static bool operator ==(ManifestDigest left, ManifestDigest right) => left.Equals(right);

    /// <summary>Whether the two differ in any byte.</summary>
    public static bool operator !=(ManifestDigest left, ManifestDigest right) => !left.Equals(right);

    /// <summary>Bytewise less.</summary>
    public static bool operator <(ManifestDigest left, ManifestDigest right) => left.CompareTo(right) < 0;

    /// <summary>Bytewise less or the same.</summary>
    public static bool operator <=(ManifestDigest left, ManifestDigest right) => left.CompareTo(right) <= 0;

    /// <summary>Bytewise greater.</summary>
    public static bool operator >(ManifestDigest left, ManifestDigest right) => left.CompareTo(right) > 0;

    /// <summary>Bytewise greater or the same.</summary>
    public static bool operator >=(ManifestDigest left, ManifestDigest right) => left.CompareTo(right) >= 0;
}
