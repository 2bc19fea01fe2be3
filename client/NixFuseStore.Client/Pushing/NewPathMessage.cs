using Google.Protobuf;
using NixFuseStore.Content;
using NixFuseStore.Native.Compression;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Pushing;

/// <summary>Puts together what is sent to register a path.</summary>
internal static class NewPathMessage
{
    /// <summary>A path with at most so many bytes of content takes them along when it is registered: no query, no upload.</summary>
    internal const int InlineBytesMax = 16 * 1024;

    // Sections are small beside chunks and are kept for as long as the path, so they get the better level.
    private const int SectionLevel = 9;

    internal static NewPath Create(PathInfo info, ulong narSize, Manifest manifest, IEnumerable<ByteString> inlineChunks)
    {
        var message = new NewPath { Path = ToRecord(info, narSize, manifest) };
        message.Sections.AddRange(Enum.GetValues<ManifestSection>().Select(section => Pack(manifest, section)).OfType<Section>());
        message.InlineChunks.AddRange(inlineChunks);
        return message;
    }

    private static PathRecord ToRecord(PathInfo info, ulong narSize, Manifest manifest)
    {
        var record = new PathRecord
        {
            BaseName = info.Path.BaseName,
            NarHash = ByteString.CopyFrom(info.NarHash.Digest),
            NarSize = narSize,
            Deriver = info.Deriver?.BaseName ?? "",
            ContentAddress = info.ContentAddress?.ToString() ?? "",
            ManifestHeader = ByteString.CopyFrom(manifest.Header.Bytes.Span),
            Ultimate = info.Ultimate,
        };
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
