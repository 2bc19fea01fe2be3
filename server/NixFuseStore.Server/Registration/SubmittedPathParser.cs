using NixFuseStore.Content;
using NixFuseStore.Native.Compression;
using NixFuseStore.Nix;
using NixFuseStore.Nix.ContentAddresses;
using NixFuseStore.Protocol;
using NixFuseStore.Server.Base;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Registration;

/// <summary>Reads what a client sends of a path, strictly: whatever is not as it must be is refused with one line.</summary>
internal sealed class SubmittedPathParser(ServerLimits limits)
{
    /// <summary>References of one path at most.</summary>
    private const int ReferencesMax = 100_000;

    /// <summary>Reads metadata and the manifest's header.</summary>
    /// <exception cref="RejectedRequestException">Something is not as it must be.</exception>
    public static SubmittedPath Parse(int index, NewPath message, StoreDirectory directory, uint chunkingParameters)
    {
        var record = message.Path ?? throw new RejectedRequestException("the path's record is missing");
        if (!StorePath.TryParseBaseName(record.BaseName, out var path))
        {
            throw new RejectedRequestException($"'{record.BaseName}' is not the base name of a store path");
        }

        if (record.NarHash.Length != 32)
        {
            throw new RejectedRequestException("the NAR hash must be a SHA-256 of 32 bytes");
        }

        var info = new PathInfo
        {
            Path = path,
            NarHash = new NixHash(NixHashAlgorithm.Sha256, record.NarHash.Span),
            NarSize = record.NarSize is > 0 and <= long.MaxValue ? record.NarSize : throw new RejectedRequestException("the NAR size is no size"),
            References = ParseReferences(record),
            Deriver = ParseDeriver(record.Deriver),
            ContentAddress = ParseContentAddress(record.ContentAddress),
            Signatures = ParseSignatures(record),
            Ultimate = record.Ultimate,
        };
        CheckContentAddress(directory, info);
        if (!ManifestHeader.TryParse(record.ManifestHeader.Span, out var header))
        {
            throw new RejectedRequestException("the manifest header cannot be read");
        }

        return header.ParameterId == chunkingParameters
            ? new SubmittedPath(index, message, info, header)
            : throw new RejectedRequestException($"the manifest uses chunking parameters {header.ParameterId}, this store {chunkingParameters}");
    }

    /// <summary>Plain bytes that decoding the claim's sections takes.</summary>
    public static long DecodedBytes(ManifestHeader header) =>
        (long)header.GetLength(ManifestSection.Tree) + header.GetLength(ManifestSection.Chunks) + header.GetLength(ManifestSection.Blanks);

    /// <summary>Decodes and checks the sections and the chunks that came along.</summary>
    /// <exception cref="RejectedRequestException">Something is not as it must be.</exception>
    public void Decode(SubmittedPath claim)
    {
        var sections = new List<StoredSection>(3);
        var tree = DecodeSection(claim, ManifestSection.Tree, sections);
        var chunks = DecodeSection(claim, ManifestSection.Chunks, sections);
        var blanks = DecodeSection(claim, ManifestSection.Blanks, sections);
        try
        {
            claim.Manifest = Manifest.Create(claim.Header, tree, chunks, blanks);
        }
        catch (ManifestFormatException e)
        {
            throw new RejectedRequestException(e.Message.TrimEnd('.'));
        }

        claim.Sections = sections;
        var list = claim.Header.OpenChunks(chunks);
        var ids = new ChunkId[list.Count];
        for (var i = 0; i < ids.Length; i++)
        {
            ids[i] = list.Id(i);
        }

        claim.ChunkIds = ids;
        TakeInlineChunks(claim, list);
    }

    private static void TakeInlineChunks(SubmittedPath claim, ChunkList list)
    {
        if (claim.Message.InlineChunks.Count == 0)
        {
            return;
        }

        var lengths = new Dictionary<ChunkId, int>();
        for (var i = 0; i < list.Count; i++)
        {
            lengths[list.Id(i)] = list.Length(i);
        }

        foreach (var chunk in claim.Message.InlineChunks)
        {
            // The id is computed from the bytes, so that there is nothing to lie about.
            var id = ChunkId.Compute(chunk.Span);
            if (!lengths.TryGetValue(id, out var length) || length != chunk.Length)
            {
                throw new RejectedRequestException("a chunk came along that the manifest does not name");
            }

            claim.InlineChunks[id] = chunk.Memory;
        }
    }

    private byte[] DecodeSection(SubmittedPath claim, ManifestSection kind, List<StoredSection> sections)
    {
        var length = claim.Header.GetLength(kind);
        if (length == 0)
        {
            return [];
        }

        var digest = claim.Header.GetDigest(kind);
        var name = kind switch { ManifestSection.Tree => "tree", ManifestSection.Chunks => "chunk", _ => "blank" };
        if (length > limits.SectionBytesMax)
        {
            throw new RejectedRequestException($"the {name} section has {length} bytes, more than the {limits.SectionBytesMax} that this server takes");
        }

        var message = claim.Message.Sections.FirstOrDefault(section => section.Digest.Span.SequenceEqual(digest.ToArray()))
            ?? throw new RejectedRequestException($"the manifest's {name} section is missing");
        var plain = GC.AllocateUninitializedArray<byte>(length);
        if (message.PlainLength != length || !Zstd.TryDecompress(message.Zstd.Span, plain, out _) || !claim.Header.Matches(kind, plain))
        {
            throw new RejectedRequestException($"the manifest's {name} section is not what the header names");
        }

        if (sections.TrueForAll(section => section.Digest != digest))
        {
            sections.Add(new StoredSection(digest, length, message.Zstd.Memory));
        }

        return plain;
    }

    private static void CheckContentAddress(StoreDirectory directory, PathInfo info)
    {
        try
        {
            ContentAddressVerifier.RequirePath(directory, info);
        }
        catch (ContentAddressException e)
        {
            throw new RejectedRequestException(e.Message);
        }
    }

    private static StorePath[] ParseReferences(PathRecord record)
    {
        if (record.References.Count > ReferencesMax)
        {
            throw new RejectedRequestException($"the path has more than {ReferencesMax} references");
        }

        var references = new SortedSet<StorePath>();
        foreach (var name in record.References)
        {
            references.Add(StorePath.TryParseBaseName(name, out var reference)
                ? reference
                : throw new RejectedRequestException($"the reference '{name}' is not the base name of a store path"));
        }

        return [.. references];
    }

    private static StorePath? ParseDeriver(string text)
    {
        if (text.Length == 0)
        {
            return null;
        }

        return StorePath.TryParseBaseName(text, out var deriver) && deriver.Name.EndsWith(".drv", StringComparison.Ordinal)
            ? deriver
            : throw new RejectedRequestException($"the deriver '{text}' is not the base name of a derivation");
    }

    private static ContentAddress? ParseContentAddress(string text)
    {
        if (text.Length == 0)
        {
            return null;
        }

        // Only Nix's own form, so that what is signed and shown is what was sent.
        return ContentAddress.TryParse(text, out var address) && address!.ToString() == text
            ? address
            : throw new RejectedRequestException($"'{text}' is not a content address");
    }

    private static NixSignature[] ParseSignatures(PathRecord record)
    {
        if (record.Signatures.Count > Storage.Metadata.PathSignatures.CountMax)
        {
            throw new RejectedRequestException($"the path has more than {Storage.Metadata.PathSignatures.CountMax} signatures");
        }

        var signatures = new List<NixSignature>();
        foreach (var text in record.Signatures)
        {
            signatures.Add(NixSignature.TryParse(text, out var signature)
                ? signature!
                : throw new RejectedRequestException("a signature is not of the form name:base64"));
        }

        return [.. signatures.Distinct()];
    }
}
