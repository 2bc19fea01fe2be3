namespace NixFuseStore.Storage.Metadata;

/// <summary>A store as it was created; everything but its keys is fixed from then on.</summary>
/// <param name="Id">Its number in this database.</param>
/// <param name="Name">What clients call it, unique.</param>
/// <param name="StoreDirectory">For instance <c>/nix/store</c>.</param>
/// <param name="Uuid">16 random bytes, which tell one "main" from another.</param>
/// <param name="ChunkingParameters">Id of the frozen chunking parameters that new manifests use.</param>
/// <param name="Created">Seconds since 1970.</param>
public sealed record StoreRecord(StoreId Id, string Name, string StoreDirectory, byte[] Uuid, int ChunkingParameters, long Created);
