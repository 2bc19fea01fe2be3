using NixFuseStore.Protocol.DataPlane;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Content;

/// <summary>Turns wanted chunks into few long reads: chunks of one path were stored side by side.</summary>
internal static class ReadPlan
{
    /// <summary>The runs in the order asked for. Enumerated while it is sent, so a long request costs no memory.</summary>
    /// <param name="wanted">What was asked for.</param>
    /// <param name="locations">By manifest index; null where there is no such manifest.</param>
    /// <param name="runBytes">A run is not made longer than this, unless by its first chunk.</param>
    public static IEnumerable<ReadRun> Create(WantedChunks wanted, IReadOnlyList<ChunkLocation>?[] locations, int runBytes)
    {
        var frames = new List<FrameHeader>();
        var places = new List<ChunkLocation>();
        PackId pack = default;
        long offset = 0;
        var length = 0;
        foreach (var (manifest, first, count) in wanted.Ranges)
        {
            var chunks = locations[manifest];
            for (var ordinal = first; ordinal < first + count; ordinal++)
            {
                var isThere = chunks is not null && ordinal < (uint)chunks.Count;
                if (!isThere)
                {
                    if (frames.Count > 0)
                    {
                        yield return new ReadRun(pack, offset, length, frames, places);
                        (frames, places) = ([], []);
                    }

                    var status = chunks is null ? FrameStatus.NoSuchManifest : FrameStatus.NoSuchOrdinal;
                    yield return new ReadRun(default, 0, 0, [new FrameHeader((uint)manifest, ordinal, status, default, 0)], []);
                    continue;
                }

                var place = chunks![(int)ordinal];
                if (frames.Count > 0 && (place.Pack != pack || place.Offset != offset + length || length + place.StoredLength > runBytes))
                {
                    yield return new ReadRun(pack, offset, length, frames, places);
                    (frames, places) = ([], []);
                }

                if (frames.Count == 0)
                {
                    (pack, offset, length) = (place.Pack, place.Offset, 0);
                }

                frames.Add(new FrameHeader(
                    (uint)manifest, ordinal, FrameStatus.Ok, (Protocol.DataPlane.ChunkEncoding)place.Encoding, (uint)place.StoredLength));
                places.Add(place);
                length += place.StoredLength;
            }
        }

        if (frames.Count > 0)
        {
            yield return new ReadRun(pack, offset, length, frames, places);
        }
    }
}
