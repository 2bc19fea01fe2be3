using System.Globalization;

namespace NixFuseStore.Nix.BinaryCaches;

/// <content>Reading the text.</content>
public sealed partial record NarInfo
{
    private const string UnknownDeriver = "unknown-deriver";

    /// <summary>
    /// Reads the text of a file. StorePath, URL, NarHash and a NarSize other than zero must be there; unknown keys are skipped;
    /// a key other than Sig may come once.
    /// </summary>
    /// <exception cref="FormatException">It is no .narinfo file of this store directory.</exception>
    public static NarInfo Parse(string text, StoreDirectory directory)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(directory);
        var fields = new Dictionary<string, string>();
        var signatures = new List<NixSignature>();
        foreach (string line in text.Split('\n'))
        {
            if (line.Length == 0)
            {
                continue;
            }

            int colon = line.IndexOf(": ", StringComparison.Ordinal);
            if (colon <= 0)
            {
                throw new FormatException($"The narinfo line '{line}' has no key.");
            }

            string key = line[..colon];
            string value = line[(colon + 2)..];
            if (key == "Sig")
            {
                // One of a form that is not known here says nothing; others beside it may hold. Nix does the same.
                if (NixSignature.TryParse(value, out var signature))
                {
                    signatures.Add(signature!);
                }
            }
            else if (!fields.TryAdd(key, value))
            {
                throw new FormatException($"The narinfo has '{key}' twice.");
            }
        }

        return new NarInfo
        {
            Info = ParseInfo(fields, signatures, directory),
            Url = Required(fields, "URL"),
            Compression = fields.GetValueOrDefault("Compression") is { Length: > 0 } compression ? compression : "bzip2",
            FileHash = fields.TryGetValue("FileHash", out string? hash) ? NixHash.Parse(hash) : null,
            FileSize = fields.TryGetValue("FileSize", out string? size) ? ParseSize("FileSize", size) : 0,
        };
    }

    private static PathInfo ParseInfo(Dictionary<string, string> fields, List<NixSignature> signatures, StoreDirectory directory)
    {
        var narHash = NixHash.Parse(Required(fields, "NarHash"));
        ulong narSize = ParseSize("NarSize", Required(fields, "NarSize"));
        if (narHash.Algorithm != NixHashAlgorithm.Sha256 || narSize == 0)
        {
            throw new FormatException("The narinfo has a NarHash other than SHA-256 or a NarSize of zero.");
        }

        string? deriver = fields.GetValueOrDefault("Deriver");
        return new PathInfo
        {
            Path = directory.Parse(Required(fields, "StorePath")),
            NarHash = narHash,
            NarSize = narSize,
            References = [.. (fields.GetValueOrDefault("References") ?? "")
                .Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(StorePath.ParseBaseName).Distinct().Order()],
            Deriver = deriver is null or "" or UnknownDeriver ? null : StorePath.ParseBaseName(deriver),
            ContentAddress = fields.GetValueOrDefault("CA") is { Length: > 0 } address ? ContentAddress.Parse(address) : null,
            Signatures = signatures,
        };
    }

    private static string Required(Dictionary<string, string> fields, string key) =>
        fields.GetValueOrDefault(key) is { Length: > 0 } value ? value : throw new FormatException($"The narinfo lacks '{key}'.");

    private static ulong ParseSize(string key, string text) => ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong size)
        ? size
        : throw new FormatException($"The narinfo's {key} '{text}' is not a number.");
}
