namespace NixFuseStore.Client.Metadata;

/// <summary>What an entry of the <see cref="MetadataCache"/> is. The values are written to disk.</summary>
internal enum MetadataKind : byte
{
    /// <summary>Never written.</summary>
    None = 0,

    /// <summary>A manifest section: one zstd frame, named by the SHA-256 of its plain bytes.</summary>
    Section = 1,

    /// <summary>A path record as the server sent it, named by the hash part.</summary>
    Path = 2,

    /// <summary>What is known of the store: a GetStoreResponse, under a name derived from store and servers.</summary>
    Store = 3,

    /// <summary>The entry of kind <see cref="Path"/> with this name no longer counts.</summary>
    RemovedPath = 4,
}
