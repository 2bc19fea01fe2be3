using NixFuseStore.Content;
using NixFuseStore.Native.Compression;
using NixFuseStore.Nix.Derivations;
using NixFuseStore.Server.Base;
using NixFuseStore.Storage.Chunks;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Derivations;

/// <summary>Reads derivations that are registered, many with few questions to the database. Calls may overlap.</summary>
internal sealed class StoredDerivations(IMetadataStore metadata, ChunkStore chunks)
{
    /// <summary>Sections of one file of <see cref="DerivationFile.BytesMax"/> are far below.</summary>
    private const int SectionBytesMax = 1 << 20;

    /// <summary>The derivations that these paths hold, by place in the list; null where a path cannot be read as one.</summary>
    public async Task<Derivation?[]> ReadAsync(StoreRecord store, IReadOnlyList<StoredPath> paths, CancellationToken cancellation)
    {
        var digests = paths.Select(path => path.ManifestDigest).ToHashSet();
        var sections = (await metadata.GetSmallSectionsAsync(digests, SectionBytesMax, cancellation).ConfigureAwait(false))
            .Select(pair => pair.Section).DistinctBy(section => section.Digest).ToDictionary(section => section.Digest);
        var places = (await metadata.GetLocationsAsync(store.Id, digests, cancellation).ConfigureAwait(false))
            .ToDictionary(locations => locations.Manifest, locations => locations.Chunks);
        var derivations = new Derivation?[paths.Count];
        for (var i = 0; i < derivations.Length; i++)
        {
            try
            {
                var header = ManifestHeader.Parse(paths[i].ManifestHeader);
                var manifest = Manifest.Create(
                    header,
                    Decode(header, ManifestSection.Tree, sections),
                    Decode(header, ManifestSection.Chunks, sections),
                    Decode(header, ManifestSection.Blanks, sections));
                var source = await FetchAsync(manifest, places.GetValueOrDefault(manifest.Digest) ?? [], cancellation).ConfigureAwait(false);
                derivations[i] = DerivationFile.Read(manifest, source, cancellation);
            }
            catch (Exception e) when (e is RejectedRequestException or ManifestFormatException or InvalidDataException)
            {
                // What an older program registered need not be a derivation, whatever its name.
            }
        }

        return derivations;
    }

    private static byte[] Decode(ManifestHeader header, ManifestSection kind, Dictionary<SectionDigest, StoredSection> sections)
    {
        var plain = new byte[Math.Min(header.GetLength(kind), SectionBytesMax)];
        return plain.Length == 0 || (sections.TryGetValue(header.GetDigest(kind), out var section) && Zstd.TryDecompress(section.Zstd.Span, plain, out _))
            ? plain
            : throw new InvalidDataException($"The {kind} section of manifest {header.Digest} cannot be read.");
    }

    private async Task<Chunks> FetchAsync(Manifest manifest, IReadOnlyList<ChunkLocation> places, CancellationToken cancellation)
    {
        var list = manifest.Header.OpenChunks(manifest.Chunks);
        var source = new Chunks();
        if (manifest.Header.RootSize <= DerivationFile.BytesMax && list.Count == places.Count)
        {
            for (var i = 0; i < list.Count; i++)
            {
                var plain = new byte[list.Length(i)];
                var id = list.Id(i);
                if (plain.Length == places[i].PlainLength && source.Plain.TryAdd(id, plain))
                {
                    await chunks.ReadVerifiedAsync(id, places[i], plain, cancellation).ConfigureAwait(false);
                }
            }
        }

        return source;
    }

    private sealed class Chunks : IChunkSource
    {
        public Dictionary<ChunkId, byte[]> Plain { get; } = [];

        public void Read(in ChunkId id, Span<byte> destination)
        {
            if (!Plain.TryGetValue(id, out var plain) || plain.Length != destination.Length)
            {
                throw new InvalidDataException($"chunk {id} is not there");
            }

            plain.CopyTo(destination);
        }
    }
}
