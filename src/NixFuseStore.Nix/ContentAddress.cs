namespace NixFuseStore.Nix;

/// <summary>A content address as Nix writes it, such as <c>fixed:r:sha256:…</c>.</summary>
/// <param name="Method">What is hashed.</param>
/// <param name="Hash">The hash of that.</param>
public sealed record ContentAddress(ContentAddressMethod Method, NixHash Hash)
{
    /// <summary>Reads any of the forms; digits may be base-32, hex or base-64.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out ContentAddress? address)
    {
        address = null;
        ContentAddressMethod method;
        if (TryStrip(ref text, "text:"))
        {
            method = ContentAddressMethod.Text;
        }
        else if (TryStrip(ref text, "fixed:r:"))
        {
            method = ContentAddressMethod.Nar;
        }
        else if (TryStrip(ref text, "fixed:git:"))
        {
            method = ContentAddressMethod.Git;
        }
        else if (TryStrip(ref text, "fixed:"))
        {
            method = ContentAddressMethod.Flat;
        }
        else
        {
            return false;
        }

        // SRI hashes have a dash for the colon; content addresses do not use them.
        if (text.IndexOf(':') < 0 || !NixHash.TryParse(text, assumed: null, out var hash)
            || (method == ContentAddressMethod.Text && hash!.Algorithm != NixHashAlgorithm.Sha256))
        {
            return false;
        }

        address = new ContentAddress(method, hash!);
        return true;
    }

    /// <summary>Reads any of the forms.</summary>
    /// <exception cref="FormatException">The text is none of them.</exception>
    public static ContentAddress Parse(string text) =>
        TryParse(text, out var address) ? address! : throw new FormatException($"'{text}' is not a content address.");

    /// <summary>The text, with base-32 digits.</summary>
    public override string ToString() => Method switch
    {
        ContentAddressMethod.Text => $"text:{Hash}",
        ContentAddressMethod.Flat => $"fixed:{Hash}",
        ContentAddressMethod.Nar => $"fixed:r:{Hash}",
        ContentAddressMethod.Git => $"fixed:git:{Hash}",
        _ => throw new InvalidOperationException($"Unknown method {Method}."),
    };

    private static bool TryStrip(ref ReadOnlySpan<char> text, string prefix)
    {
        if (!text.StartsWith(prefix, StringComparison.Ordinal))
        {
            return false;
        }

        text = text[prefix.Length..];
        return true;
    }
}
