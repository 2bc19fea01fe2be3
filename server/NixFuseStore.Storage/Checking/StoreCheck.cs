using NixFuseStore.Storage.Blobs;
using NixFuseStore.Storage.Chunks;
using NixFuseStore.Storage.Metadata;
using NixFuseStore.Storage.Packs;

namespace NixFuseStore.Storage.Checking;

/// <summary>
/// Reads all packs and manifest sections and names what is damaged, which counts as missing from then on, as if a reader had met it. May
/// run beside servers.
/// </summary>
public static class StoreCheck
{
    /// <summary>Runs a check.</summary>
    /// <param name="metadata">The database.</param>
    /// <param name="blobs">The packs.</param>
    /// <param name="full">Whether chunks are compared with their ids (SHA-256), rather than with the sums of their stored bytes.</param>
    /// <param name="repair">Whether what can be mended from what is there is mended: places, chunks that are whole after all, headers and footers of packs.</param>
    /// <param name="report">Is told each fault, in one line.</param>
    /// <param name="cancellationToken">Ends the check; what was noted stays.</param>
    /// <exception cref="BlobStoreUnavailableException">The packs are not there, so nothing can be said.</exception>
    /// <exception cref="IOException">Something could not be read, several times.</exception>
    public static async Task<StoreCheckReport> RunAsync(
        IMetadataStore metadata, IBlobStore blobs, bool full, bool repair, Action<string> report, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(metadata);
        ArgumentNullException.ThrowIfNull(blobs);
        ArgumentNullException.ThrowIfNull(report);
        int faults = 0;
        void Tell(string line)
        {
            faults++;
            report(line);
        }

        // 1. What is known already.
        var packs = await PackReader.OpenAsync(metadata, blobs, Tell, cancellationToken).ConfigureAwait(false);
        using var verifier = new ChunkVerifier(metadata, packs, Tell);
        int restored = await TellKnownAsync(metadata, verifier, repair, Tell, cancellationToken).ConfigureAwait(false);

        // 2. Packs, each from front to back.
        int packCount = 0;
        long chunkCount = 0;
        int rewritten = 0;
        var rewriter = new PackRewriter(metadata, blobs, Tell);
        foreach (var pack in await metadata.ListPacksAsync(cancellationToken).ConfigureAwait(false))
        {
            var chunks = await metadata.ListPackChunksAsync(pack.Id, cancellationToken).ConfigureAwait(false);
            string? frameFault = chunks.Count > 0 ? await FindFrameFaultAsync(blobs, pack, cancellationToken).ConfigureAwait(false) : null;
            await verifier.FindDamagedAsync(chunks, byId: full, cancellationToken).ConfigureAwait(false);
            if (frameFault is not null && repair && await RewriteAsync(metadata, rewriter, pack, cancellationToken).ConfigureAwait(false))
            {
                rewritten++;
            }
            else if (frameFault is not null)
            {
                Tell(frameFault);
            }

            packCount++;
            chunkCount += chunks.Count;
        }

        // 3. Sections and what hangs on them.
        int sections = 0;
        for (long? after = 0; after is { } last;)
        {
            var part = await metadata.CheckMetadataAsync(last, repair, cancellationToken).ConfigureAwait(false);
            foreach (string fault in part.Faults)
            {
                Tell(fault);
            }

            restored += repair ? await RestoreAsync(metadata, verifier, part.Unindexed, cancellationToken).ConfigureAwait(false) : 0;
            sections += part.Sections;
            after = part.Last;
        }

        return new StoreCheckReport(packCount, chunkCount, sections, faults, restored, rewritten);
    }

    private static async Task<int> TellKnownAsync(
        IMetadataStore metadata, ChunkVerifier verifier, bool repair, Action<string> report, CancellationToken cancellationToken)
    {
        var known = await metadata.ListDamagedAsync(cancellationToken).ConfigureAwait(false);
        int restored = repair
            ? await RestoreAsync(
                metadata, verifier, [.. known.Select(chunk => new IndexedChunk(chunk.Id, chunk.Location))], cancellationToken).ConfigureAwait(false)
            : 0;
        foreach (var chunk in restored > 0 ? await metadata.ListDamagedAsync(cancellationToken).ConfigureAwait(false) : known)
        {
            report(DamageText.Of(chunk));
        }

        return restored;
    }

    /// <summary>Takes those of the chunks back into the index that are whole where they are said to be.</summary>
    private static async Task<int> RestoreAsync(
        IMetadataStore metadata, ChunkVerifier verifier, IReadOnlyList<IndexedChunk> chunks, CancellationToken cancellationToken)
    {
        var whole = new List<IndexedChunk>();
        foreach (var chunk in chunks)
        {
            if (await verifier.TryReadWholeAsync(chunk, cancellationToken).ConfigureAwait(false) is { } place)
            {
                whole.Add(new IndexedChunk(chunk.Id, place));
            }
        }

        if (whole.Count > 0)
        {
            await metadata.RestoreChunksAsync(whole, cancellationToken).ConfigureAwait(false);
        }

        return whole.Count;
    }

    /// <summary>What is wrong with the header or the footer of a pack, from which the index could be rebuilt; null where nothing is.</summary>
    private static async Task<string?> FindFrameFaultAsync(IBlobStore blobs, PackRecord pack, CancellationToken cancellationToken)
    {
        try
        {
            if (await blobs.GetLengthAsync(pack.Name, cancellationToken).ConfigureAwait(false) is not { } length)
            {
                return $"pack {pack.Name} is gone";
            }

            byte[] header = new byte[Math.Min(PackFormat.HeaderBytes, length)];
            await blobs.ReadAsync(pack.Name, 0, header, cancellationToken).ConfigureAwait(false);
            if (!PackFormat.IsHeader(header))
            {
                return $"pack {pack.Name} does not begin as packs do";
            }

            if (pack.State == PackState.Sealed)
            {
                await PackFormat.ReadFooterAsync(blobs, pack.Name, pack.Id, cancellationToken).ConfigureAwait(false);
            }

            return null;
        }
        catch (Exception exception) when (exception is InvalidDataException or FileNotFoundException or EndOfStreamException)
        {
            return exception.Message;
        }
    }

    /// <summary>Gives the chunks of a pack that are whole a pack with a header and a footer; an open pack is left to its writer.</summary>
    private static async Task<bool> RewriteAsync(
        IMetadataStore metadata, PackRewriter rewriter, PackRecord pack, CancellationToken cancellationToken)
    {
        var whole = await metadata.ListPackChunksAsync(pack.Id, cancellationToken).ConfigureAwait(false);
        return pack.State == PackState.Sealed
            && whole.Count > 0
            && await rewriter.RunAsync(pack, whole, cancellationToken).ConfigureAwait(false);
    }
}

/// <summary>What a check found.</summary>
/// <param name="Packs">Packs that were read.</param>
/// <param name="Chunks">Chunks in them.</param>
/// <param name="Sections">Manifest sections that were read.</param>
/// <param name="Faults">Lines that were told.</param>
/// <param name="Restored">Chunks that were noted as damaged and are whole.</param>
/// <param name="Rewritten">Packs that were written anew, because their header or footer was damaged.</param>
public sealed record StoreCheckReport(int Packs, long Chunks, int Sections, int Faults, int Restored, int Rewritten);
