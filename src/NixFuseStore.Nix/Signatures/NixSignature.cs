using NixFuseStore.Native.Cryptography;

namespace NixFuseStore.Nix;

/// <summary>An Ed25519 signature and the name of the key that made it, written <c>name:base64</c>. Immutable.</summary>
public sealed class NixSignature : IEquatable<NixSignature>
{
    private readonly byte[] _bytes;

    internal NixSignature(string keyName, byte[] bytes)
    {
        KeyName = keyName;
        _bytes = bytes;
    }

    /// <summary>The key's name. A name proves nothing; the signature does.</summary>
    public string KeyName { get; }

    /// <summary>The 64 bytes.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes;

    /// <summary>Reads <c>name:base64</c>.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out NixSignature? signature)
    {
        bool valid = KeyText.TryParse(text, Ed25519.SignatureLength, out string name, out byte[] bytes);
        signature = valid ? new NixSignature(name, bytes) : null;
        return valid;
    }

    /// <summary>Reads <c>name:base64</c>.</summary>
    /// <exception cref="FormatException">The text is no signature.</exception>
    public static NixSignature Parse(string text) =>
        TryParse(text, out var signature) ? signature! : throw new FormatException($"'{text}' is not a signature (name:base64).");

    /// <inheritdoc/>
    public bool Equals(NixSignature? other) => other is not null && other.KeyName == KeyName && _bytes.AsSpan().SequenceEqual(other._bytes);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as NixSignature);

    /// <inheritdoc/>
    public override int GetHashCode() => BitConverter.ToInt32(_bytes);

    /// <summary><c>name:base64</c>.</summary>
    public override string ToString() => KeyText.Print(KeyName, _bytes);
}
