using Google.Protobuf;
using NixFuseStore.Content;
using NixFuseStore.Native.Compression;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Push;

/// <summary>Puts together what is sent to register a path.</summary>
internal static class NewPathMessage
{
    /// <summary>A path with at most so many bytes of content takes them along when it is registered: no query, no upload.</summary>
    internal const int InlineBytesMax = 16 * 1024;

    // Sections are small beside chunks and are kept for as long as the path, so they get the better level.
    private const int SectionLevel = 9;

    internal static NewPath Create(PathInfo info, ulong narSize, Manifest manifest, IEnumerable<ByteString> inlineChunks)
    {
        var record = new PathRecord { ManifestHeader = ByteString.CopyFrom(manifest.Header.Bytes.Span) };
        var message = new NewPath { Path = Fill(record, info, narSize) };
        message.Sections.AddRange(Enum.GetValues<ManifestSection>().Select(section => Pack(manifest, section)).OfType<Section>());
        message.InlineChunks.AddRange(inlineChunks);
        return message;
    }

    /// <summary>Says which path a manifest is that of, which the server has made.</summary>
    internal static NewPath Complete(NewPath draft, PathInfo info)
    {
        Fill(draft.Path, info, info.NarSize);
        return draft;
    }

    private static PathRecord Fill(PathRecord record, PathInfo info, ulong narSize)
    {
        record.BaseName = info.Path.BaseName;
        record.NarHash = ByteString.CopyFrom(info.NarHash.Digest);
        record.NarSize = narSize;
        record.Deriver = info.Deriver?.BaseName ?? "";
        record.ContentAddress = info.ContentAddress?.ToString() ?? "";
        record.Ultimate = info.Ultimate;
        record.References.AddRange(info.References.Order().Select(reference => reference.BaseName));
        record.Signatures.AddRange(info.Signatures.Select(signature => signature.ToString()));
        return record;
    }

    private static Section? Pack(Manifest manifest, ManifestSection section)
    {
        byte[] plain = manifest.GetSection(section);
        return plain.Length == 0 ? null : new Section
        {
            Digest = ByteString.CopyFrom(manifest.Header.GetDigest(section).ToArray()),
            PlainLength = (uint)plain.Length,
            Zstd = UnsafeByteOperations.UnsafeWrap(Zstd.Compress(plain, SectionLevel)),
        };
    }
}
