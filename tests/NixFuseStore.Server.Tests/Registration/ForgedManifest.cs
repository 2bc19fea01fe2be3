using System.Buffers.Binary;
using Google.Protobuf;
using NixFuseStore.Content;
using NixFuseStore.Native.Compression;
using NixFuseStore.Protocol;
using NixFuseStore.Server.Tests.Samples;

namespace NixFuseStore.Server.Tests.Registration;

/// <summary>Manifests that are consistent in themselves and yet not the ones that a builder makes. FORMAT.md draws the bytes.</summary>
internal static class ForgedManifest
{
    private const int ChunkCountAt = 28;
    private const int ChunksLengthAt = 40;
    private const int ChunksDigestAt = 80;

    /// <summary>The same content, cut into these chunks.</summary>
    public static NewPath WithChunks(SamplePath sample, byte[][] parts)
    {
        var section = new List<byte>();
        AddVarint(section, parts.Length);
        foreach (var part in parts)
        {
            AddVarint(section, part.Length);
        }

        foreach (var part in parts)
        {
            section.AddRange(ChunkId.Compute(part).ToArray());
        }

        var plain = section.ToArray();
        var header = sample.Manifest.Header.ToBytes();
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(ChunkCountAt), parts.Length);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(ChunksLengthAt), plain.Length);
        SectionDigest.Compute(plain).CopyTo(header.AsSpan(ChunksDigestAt));

        var message = sample.ToMessage(inline: false);
        message.Path.ManifestHeader = ByteString.CopyFrom(header);
        message.Sections.Add(new Section
        {
            Digest = ByteString.CopyFrom(SectionDigest.Compute(plain).ToArray()),
            PlainLength = (uint)plain.Length,
            Zstd = ByteString.CopyFrom(Zstd.Compress(plain, 3)),
        });
        message.InlineChunks.AddRange(parts.Select(part => ByteString.CopyFrom(part)));
        return message;
    }

    private static void AddVarint(List<byte> bytes, int value)
    {
        for (; value > 0x7f; value >>= 7)
        {
            bytes.Add((byte)((value & 0x7f) | 0x80));
        }

        bytes.Add((byte)value);
    }
}
