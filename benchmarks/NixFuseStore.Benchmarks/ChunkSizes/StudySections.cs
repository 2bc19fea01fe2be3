using NixFuseStore.Content;
using NixFuseStore.Native.Compression;

namespace NixFuseStore.Benchmarks.ChunkSizes;

/// <summary>Headers, and distinct sections compressed, as a server keeps them.</summary>
internal sealed class StudySections
{
    private readonly HashSet<SectionDigest> _seen = [];

    public long StoredBytes { get; private set; }

    /// <summary>Distinct sections of each kind.</summary>
    public Dictionary<ManifestSection, int> Counts { get; } = [];

    public Dictionary<ManifestSection, long> Compressed { get; } = [];

    public long HeaderBytes { get; private set; }

    public override string ToString() =>
        $"headers {HeaderBytes / 1000}, {string.Join(", ", Compressed.Select(part => $"{part.Key} {part.Value / 1000}"))} kB";

    public void Add(Manifest manifest)
    {
        HeaderBytes += manifest.Header.Bytes.Length;
        StoredBytes += manifest.Header.Bytes.Length;
        foreach (var section in Enum.GetValues<ManifestSection>())
        {
            var plain = manifest.GetSection(section);
            if (plain.Length != 0 && _seen.Add(manifest.Header.GetDigest(section)))
            {
                var length = Math.Min(plain.Length, Zstd.Compress(plain, 9).Length);
                StoredBytes += length;
                Counts[section] = Counts.GetValueOrDefault(section) + 1;
                Compressed[section] = Compressed.GetValueOrDefault(section) + length;
            }
        }
    }
}
