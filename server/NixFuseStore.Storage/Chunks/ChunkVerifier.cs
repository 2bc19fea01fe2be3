using System.Buffers;
using NixFuseStore.Content;
using NixFuseStore.Native.Compression;
using NixFuseStore.Storage.Metadata;
using NixFuseStore.Storage.Packs;

namespace NixFuseStore.Storage.Chunks;

/// <summary>
/// Compares stored chunks with their sums and ids, notes those that are damaged and names them to the operator. Only wrong bytes are
/// damage, and packs that are gone or too short in a blob store that is there. Calls may overlap.
/// </summary>
public sealed class ChunkVerifier : IDisposable
{
    /// <summary>One read of neighbouring chunks at most, in bytes.</summary>
    private const int RunBytes = 1 << 20;

    /// <summary>Damage of so many chunks at once is told in one line.</summary>
    private const int LinesMax = 16;

    /// <summary>Chunks whose damage is looked into at the same time; each asks the database.</summary>
    private readonly SemaphoreSlim _recoveries = new(4);

    private readonly IMetadataStore _metadata;
    private readonly PackReader _packs;
    private readonly Action<string> _notice;
    private long _damaged;

    internal ChunkVerifier(IMetadataStore metadata, PackReader packs, Action<string> notice)
    {
        _metadata = metadata;
        _packs = packs;
        _notice = notice;
    }

    /// <summary>Chunks that were found damaged since the start, each once.</summary>
    public long DamagedCount => Volatile.Read(ref _damaged);

    /// <inheritdoc/>
    public void Dispose() => _recoveries.Dispose();

    /// <summary>Whether stored bytes are those of a chunk: by the sum, or where that is not known, by the id.</summary>
    public static bool IsWhole(in ChunkId id, in ChunkLocation place, ReadOnlySpan<byte> stored) =>
        place.Sum.IsKnown ? place.IsHeldBy(stored) : HasId(id, place, stored);

    /// <summary>Reads chunks and finds those that are damaged, which count as missing afterwards.</summary>
    /// <exception cref="IOException">Something could not be read, which says nothing about it.</exception>
    public Task<IReadOnlyList<IndexedChunk>> FindDamagedAsync(
        IReadOnlyList<IndexedChunk> chunks, CancellationToken cancellationToken = default) =>
        FindDamagedAsync(chunks, byId: false, cancellationToken);

    /// <summary>Looks for a chunk of a manifest that was not whole where it was remembered to be.</summary>
    /// <param name="store">A store that has the manifest.</param>
    /// <param name="manifest">The manifest.</param>
    /// <param name="ordinal">The chunk's place in the stream.</param>
    /// <param name="tried">Where it was not.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Its stored bytes and place; null where it is damaged, which is noted.</returns>
    /// <exception cref="IOException">It could not be read, which says nothing about it.</exception>
    public async Task<StoredChunk?> RecoverAsync(
        StoreId store, ManifestDigest manifest, int ordinal, ChunkLocation tried, CancellationToken cancellationToken = default)
    {
        await _recoveries.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            // 1. Where the index has it now: it may have been healed, or written elsewhere.
            var chunks = await _metadata.RefreshLocationsAsync(store, manifest, cancellationToken).ConfigureAwait(false);
            if (chunks is null || ordinal >= chunks.Count)
            {
                return null;
            }

            var (id, place, isIndexed) = chunks[ordinal];
            if (!isIndexed)
            {
                await MarkAsync([new IndexedChunk(id, place.Pack.Value == 0 ? tried : place)], cancellationToken).ConfigureAwait(false);
                return null;
            }

            // 2. The id decides.
            byte[]? stored = await TryReadAsync(place, cancellationToken).ConfigureAwait(false);
            if (stored is null || !HasId(id, place, stored))
            {
                // Where one chunk is damaged, others of the path may be: a client that brings it again shall bring all of them at once.
                await MarkWithPackAsync(new IndexedChunk(id, place), packIsWhole: stored is not null, cancellationToken).ConfigureAwait(false);
                await FindDamagedAsync(Indexed(chunks, id), cancellationToken).ConfigureAwait(false);
                return null;
            }

            // 3. Right bytes with a wrong sum: the index was damaged.
            var sum = StoredSum.Of(stored);
            if (place.Sum != sum)
            {
                bool wasKnown = place.Sum.IsKnown;
                place = place with { Sum = sum };
                await CorrectAsync([new IndexedChunk(id, place)], wasKnown ? [id] : [], cancellationToken).ConfigureAwait(false);
            }

            return new StoredChunk(id, place, stored);
        }
        finally
        {
            _recoveries.Release();
        }
    }

    /// <summary>Reads all chunks of a manifest: remembered places are brought into line, wrong sums corrected, damage is noted.</summary>
    /// <exception cref="IOException">Something could not be read, which says nothing about it.</exception>
    public async Task CheckAsync(StoreId store, ManifestDigest manifest, CancellationToken cancellationToken = default)
    {
        if (await _metadata.RefreshLocationsAsync(store, manifest, cancellationToken).ConfigureAwait(false) is { } chunks)
        {
            await FindDamagedAsync(Indexed(chunks, except: null), cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Finds the sums that are not known of a manifest's chunks, which lie in packs of version 1, by comparing the chunks with their ids.
    /// Damaged ones stay without.
    /// </summary>
    /// <returns>The places with sums, by ordinal.</returns>
    /// <exception cref="IOException">Something could not be read.</exception>
    public async Task<IReadOnlyList<ChunkLocation>> CompleteSumsAsync(
        StoreId store, ManifestDigest manifest, IReadOnlyList<ChunkLocation> places, CancellationToken cancellationToken = default)
    {
        var chunks = await _metadata.RefreshLocationsAsync(store, manifest, cancellationToken).ConfigureAwait(false);
        if (chunks is null || chunks.Count != places.Count)
        {
            return places;
        }

        var known = new Dictionary<ChunkId, StoredSum>();
        var damaged = new List<IndexedChunk>();
        foreach (var (id, place, _) in chunks.Where(chunk => chunk.IsIndexed && !chunk.Location.Sum.IsKnown).DistinctBy(chunk => chunk.Id))
        {
            if (await TryReadAsync(place, cancellationToken).ConfigureAwait(false) is { } stored && HasId(id, place, stored))
            {
                known[id] = StoredSum.Of(stored);
            }
            else
            {
                damaged.Add(new IndexedChunk(id, place));
            }
        }

        await MarkAsync(damaged, cancellationToken).ConfigureAwait(false);
        IndexedChunk[] corrected =
        [
            .. chunks.Where(chunk => known.ContainsKey(chunk.Id)).DistinctBy(chunk => chunk.Id)
                .Select(chunk => new IndexedChunk(chunk.Id, chunk.Location with { Sum = known[chunk.Id] })),
        ];
        await CorrectAsync(corrected, [], cancellationToken).ConfigureAwait(false);

        return [.. chunks.Select(chunk => known.TryGetValue(chunk.Id, out var sum) ? chunk.Location with { Sum = sum } : chunk.Location)];
    }

    /// <summary>As the public one; by id it also finds sums that are wrong or missing, and corrects them.</summary>
    internal async Task<IReadOnlyList<IndexedChunk>> FindDamagedAsync(
        IReadOnlyList<IndexedChunk> chunks, bool byId, CancellationToken cancellationToken)
    {
        // 1. Neighbours in one read, each pack from front to back.
        IndexedChunk[] sorted = [.. chunks.OrderBy(chunk => chunk.Location.Pack.Value).ThenBy(chunk => chunk.Location.Offset)];
        var damaged = new List<IndexedChunk>();
        var corrected = new List<IndexedChunk>();
        byte[] buffer = ArrayPool<byte>.Shared.Rent(RunBytes);
        try
        {
            for (int first = 0; first < sorted.Length;)
            {
                int end = first + 1;
                var start = sorted[first].Location;
                long length = start.StoredLength;
                while (end < sorted.Length && sorted[end].Location.Pack == start.Pack && sorted[end].Location.Offset == start.Offset + length
                    && length + sorted[end].Location.StoredLength <= buffer.Length)
                {
                    length += sorted[end++].Location.StoredLength;
                }

                if (length > buffer.Length || !await TryReadAsync(start, buffer.AsMemory(0, (int)length), cancellationToken).ConfigureAwait(false))
                {
                    // One by one: some of them may be there.
                    length = -1;
                }

                for (int position = 0; first < end; first++)
                {
                    var chunk = sorted[first];
                    byte[]? alone = length < 0 ? await TryReadAsync(chunk.Location, cancellationToken).ConfigureAwait(false) : null;
                    bool isThere = length >= 0 || alone is not null;
                    var stored = length >= 0 ? buffer.AsMemory(position, chunk.Location.StoredLength) : alone.AsMemory();
                    position += chunk.Location.StoredLength;
                    bool hasSum = isThere && chunk.Location.IsHeldBy(stored.Span);
                    bool isWhole = byId || !chunk.Location.Sum.IsKnown ? isThere && HasId(chunk.Id, chunk.Location, stored.Span) : hasSum;
                    if (isWhole && !hasSum)
                    {
                        corrected.Add(chunk with { Location = chunk.Location with { Sum = StoredSum.Of(stored.Span) } });
                    }
                    else if (!isWhole)
                    {
                        damaged.Add(chunk);
                    }
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        // 2. The id decides, after another read.
        var certain = new List<IndexedChunk>();
        foreach (var chunk in damaged)
        {
            byte[]? stored = await TryReadAsync(chunk.Location, cancellationToken).ConfigureAwait(false);
            if (stored is null || !HasId(chunk.Id, chunk.Location, stored))
            {
                certain.Add(chunk);
            }
            else
            {
                corrected.Add(chunk with { Location = chunk.Location with { Sum = StoredSum.Of(stored) } });
            }
        }

        var wrong = sorted.Where(chunk => chunk.Location.Sum.IsKnown).Select(chunk => chunk.Id).ToHashSet();
        await CorrectAsync(corrected, [.. corrected.Select(chunk => chunk.Id).Where(wrong.Contains)], cancellationToken).ConfigureAwait(false);
        await MarkAsync(certain, cancellationToken).ConfigureAwait(false);
        return certain;
    }

    /// <summary>Where a chunk lies with its sum, if it is whole there; null otherwise.</summary>
    internal async Task<ChunkLocation?> TryReadWholeAsync(IndexedChunk chunk, CancellationToken cancellationToken) =>
        await TryReadAsync(chunk.Location, cancellationToken).ConfigureAwait(false) is { } stored && HasId(chunk.Id, chunk.Location, stored)
            ? chunk.Location with { Sum = StoredSum.Of(stored) }
            : null;

    /// <summary>Notes chunks as damaged and names those that were not known.</summary>
    internal async Task MarkAsync(IReadOnlyList<IndexedChunk> chunks, CancellationToken cancellationToken)
    {
        if (chunks.Count == 0)
        {
            return;
        }

        var marked = await _metadata.MarkDamagedAsync(chunks, cancellationToken).ConfigureAwait(false);
        Interlocked.Add(ref _damaged, marked.Count);
        foreach (var pack in marked.GroupBy(chunk => chunk.PackName))
        {
            if (pack.Count() > LinesMax)
            {
                _notice($"{pack.Count()} chunks in pack {pack.Key} are damaged: {DamageText.Paths([.. pack.SelectMany(chunk => chunk.Paths)])}");
                continue;
            }

            foreach (var chunk in pack)
            {
                _notice(DamageText.Of(chunk));
            }
        }
    }

    private static IndexedChunk[] Indexed(IReadOnlyList<LocatedChunk> chunks, ChunkId? except) =>
    [
        .. chunks.Where(chunk => chunk.IsIndexed && chunk.Id != except).DistinctBy(chunk => chunk.Id)
            .Select(chunk => new IndexedChunk(chunk.Id, chunk.Location)),
    ];

    /// <summary>Sets sums, and tells of those that were wrong: the index was damaged there.</summary>
    private async Task CorrectAsync(IReadOnlyList<IndexedChunk> chunks, IReadOnlyList<ChunkId> wrong, CancellationToken cancellationToken)
    {
        if (chunks.Count == 0)
        {
            return;
        }

        await _metadata.CorrectSumsAsync(chunks, cancellationToken).ConfigureAwait(false);
        foreach (var id in wrong)
        {
            _notice($"the index had a wrong sum of chunk {id}, which is whole; corrected");
        }
    }

    private static bool HasId(in ChunkId id, in ChunkLocation place, ReadOnlySpan<byte> stored)
    {
        if (place.Encoding == ChunkEncoding.Plain)
        {
            return ChunkId.Compute(stored) == id;
        }

        if (place.PlainLength is < 0 or >= PackFormat.PlainLengthLimit)
        {
            return false;
        }

        byte[] plain = ArrayPool<byte>.Shared.Rent(place.PlainLength);
        try
        {
            var destination = plain.AsSpan(0, place.PlainLength);
            return Zstd.TryDecompress(stored, destination, out int written) && written == place.PlainLength && ChunkId.Compute(destination) == id;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(plain);
        }
    }

    /// <summary>Notes a damaged chunk; where its pack is gone or too short, all others that it should hold as well.</summary>
    private async Task MarkWithPackAsync(IndexedChunk chunk, bool packIsWhole, CancellationToken cancellationToken)
    {
        var damaged = new List<IndexedChunk> { chunk };
        if (!packIsWhole)
        {
            long length = await _packs.GetLengthAsync(chunk.Location.Pack, cancellationToken).ConfigureAwait(false);
            damaged.AddRange((await _metadata.ListPackChunksAsync(chunk.Location.Pack, cancellationToken).ConfigureAwait(false))
                .Where(other => other.Id != chunk.Id && (long)other.Location.Offset + other.Location.StoredLength > length));
        }

        await MarkAsync(damaged, cancellationToken).ConfigureAwait(false);
    }

    private async Task<byte[]?> TryReadAsync(ChunkLocation place, CancellationToken cancellationToken)
    {
        // Lengths of a damaged row must not become an allocation.
        if (place.StoredLength is < 0 or >= PackFormat.PlainLengthLimit || place.Offset < 0)
        {
            return null;
        }

        byte[] stored = new byte[place.StoredLength];
        return await TryReadAsync(place, stored, cancellationToken).ConfigureAwait(false) ? stored : null;
    }

    /// <summary>False where the pack is gone or ends before.</summary>
    private async ValueTask<bool> TryReadAsync(ChunkLocation place, Memory<byte> destination, CancellationToken cancellationToken)
    {
        try
        {
            await _packs.ReadAsync(place.Pack, place.Offset, destination, cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (Exception exception) when (exception is FileNotFoundException or EndOfStreamException)
        {
            return false;
        }
    }
}

/// <summary>The stored bytes of a chunk, whole.</summary>
/// <param name="Id">The chunk.</param>
/// <param name="Location">Where they lie.</param>
/// <param name="Stored">The bytes.</param>
public sealed record StoredChunk(ChunkId Id, ChunkLocation Location, byte[] Stored);
