namespace NixFuseStore.Storage.Metadata;

/// <summary>A pack's row, which exists before the pack has bytes.</summary>
/// <param name="Id">Its number.</param>
/// <param name="Name">The name of its object in the blob store.</param>
/// <param name="State">Open or sealed.</param>
/// <param name="Owner">The server process that writes it; meaningful while it is open.</param>
/// <param name="LeaseUntil">Milliseconds since 1970; after that another server may recover an open pack.</param>
/// <param name="IndexedBytes">End of the last indexed chunk; recovery keeps at least this much. Total bytes once it is sealed.</param>
/// <param name="Created">Seconds since 1970.</param>
public sealed record PackRecord(PackId Id, string Name, PackState State, string Owner, long LeaseUntil, long IndexedBytes, long Created);
