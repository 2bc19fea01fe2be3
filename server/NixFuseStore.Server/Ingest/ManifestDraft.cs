using Google.Protobuf;
using NixFuseStore.Content;
using NixFuseStore.Native.Compression;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Ingest;

/// <summary>A manifest on its way to registration, in the form in which clients send one; only what names the path is missing.</summary>
internal static class ManifestDraft
{
    private const int CompressionLevel = 3;

    /// <summary>A manifest that was cut here.</summary>
    public static NewPath Of(Manifest manifest)
    {
        var draft = new NewPath { Path = new PathRecord { ManifestHeader = UnsafeByteOperations.UnsafeWrap(manifest.Header.Bytes) } };
        foreach (var kind in Enum.GetValues<ManifestSection>())
        {
            var plain = manifest.GetSection(kind);
            if (plain.Length > 0)
            {
                Add(draft, manifest.Header.GetDigest(kind), plain.Length, Zstd.Compress(plain, CompressionLevel));
            }
        }

        return draft;
    }

    /// <summary>The manifest of a valid path, for another path with the same content.</summary>
    public static NewPath Of(StoredPath path, IEnumerable<StoredSection> sections)
    {
        var draft = new NewPath { Path = new PathRecord { ManifestHeader = UnsafeByteOperations.UnsafeWrap(path.ManifestHeader) } };
        foreach (var section in sections)
        {
            Add(draft, section.Digest, section.PlainLength, section.Zstd);
        }

        return draft;
    }

    /// <summary>Says which path the manifest is that of.</summary>
    public static NewPath Complete(NewPath draft, PathInfo info)
    {
        var record = draft.Path;
        record.BaseName = info.Path.BaseName;
        record.NarHash = ByteString.CopyFrom(info.NarHash.Digest);
        record.NarSize = info.NarSize;
        record.Deriver = info.Deriver?.BaseName ?? "";
        record.ContentAddress = info.ContentAddress?.ToString() ?? "";
        record.References.AddRange(info.References.Select(reference => reference.BaseName));
        record.Signatures.AddRange(info.Signatures.Select(signature => signature.ToString()));
        return draft;
    }

    private static void Add(NewPath draft, SectionDigest digest, int plainLength, ReadOnlyMemory<byte> zstd) => draft.Sections.Add(new Section
    {
        Digest = ByteString.CopyFrom(digest.ToArray()),
        PlainLength = (uint)plainLength,
        Zstd = UnsafeByteOperations.UnsafeWrap(zstd),
    });
}
