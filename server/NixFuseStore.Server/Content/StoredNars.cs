using NixFuseStore.Content;
using NixFuseStore.Native.Compression;
using NixFuseStore.Storage.Chunks;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Content;

/// <summary>Opens the NARs of valid paths.</summary>
internal sealed class StoredNars(IMetadataStore metadata, LocationCache locations)
{
    /// <summary>Reads a path's manifest; null where the path was removed meanwhile.</summary>
    /// <exception cref="InvalidDataException">The database holds sections that are not what they should be.</exception>
    public async Task<StoredNar?> OpenAsync(StoreRecord store, StoredPath path, CancellationToken cancellation)
    {
        var header = ManifestHeader.Parse(path.ManifestHeader);
        if (header.Digest != path.ManifestDigest)
        {
            throw new ChunkDamagedException($"the header of manifest {path.ManifestDigest} is damaged in the database");
        }

        var sections = await ReadSectionsAsync(metadata, store, path, cancellation).ConfigureAwait(false);
        var places = (await locations.GetAsync(store, [header.Digest], cancellation).ConfigureAwait(false))[0];
        if (places is null || sections.Count == 0)
        {
            return null;
        }

        var tree = header.OpenTree(Decode(header, ManifestSection.Tree, sections));
        var chunks = header.OpenChunks(Decode(header, ManifestSection.Chunks, sections));
        var blanks = header.OpenBlanks(Decode(header, ManifestSection.Blanks, sections));
        return new StoredNar(header, tree, chunks, blanks, places);
    }

    /// <summary>Forgets where the chunks of a path's NAR lie, as some lie elsewhere by now.</summary>
    public void Forget(StoreRecord store, StoredPath path) => locations.Forget(store, path.ManifestDigest);

    /// <summary>The sections of a path's manifest; none where the path was removed meanwhile.</summary>
    public static Task<IReadOnlyList<StoredSection>> ReadSectionsAsync(
        IPathCatalog metadata, StoreRecord store, StoredPath path, CancellationToken cancellation)
    {
        var header = ManifestHeader.Parse(path.ManifestHeader);
        var names = Enum.GetValues<ManifestSection>().Where(kind => header.GetLength(kind) > 0).Select(kind => new SectionName(header.Digest, header.GetDigest(kind)));
        return metadata.GetSectionsAsync(store.Id, [.. names], cancellation);
    }

    private static byte[] Decode(ManifestHeader header, ManifestSection kind, IReadOnlyList<StoredSection> sections)
    {
        var plain = new byte[header.GetLength(kind)];
        if (plain.Length == 0)
        {
            return plain;
        }

        var section = sections.FirstOrDefault(section => section.Digest == header.GetDigest(kind))
            ?? throw new ChunkDamagedException($"the {kind} section of manifest {header.Digest} is damaged in the database, or gone");
        return Zstd.TryDecompress(section.Zstd.Span, plain, out _)
            ? plain
            : throw new ChunkDamagedException($"the {kind} section of manifest {header.Digest} is damaged in the database");
    }
}
