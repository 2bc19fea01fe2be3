namespace NixFuseStore.Storage.Blobs;

/// <summary>
/// Where packs lie: objects of bytes, each written by one process from front to end and never changed once it is sealed.
/// Several processes may share one blob store. All calls may overlap, but those that write one pack come one after the other.
/// </summary>
public interface IBlobStore : IAsyncDisposable
{
    /// <summary>What the blob store is, for messages.</summary>
    string Description { get; }

    /// <summary>What tells this blob store from every other; null where it is not there, as when its disk is not mounted, or is new.</summary>
    ValueTask<string?> ReadIdentityAsync(CancellationToken cancellationToken = default);

    /// <summary>Gives a new blob store its identity. Durable when this returns.</summary>
    ValueTask WriteIdentityAsync(string identity, CancellationToken cancellationToken = default);

    /// <summary>Creates an empty object for appending; its name survives a power cut once this returns.</summary>
    /// <exception cref="IOException">It exists already, or cannot be made.</exception>
    /// <exception cref="BlobStoreFullException">No space is left.</exception>
    ValueTask<IBlobWriter> CreateAsync(string name, CancellationToken cancellationToken = default);

    /// <summary>Opens an unsealed object to go on writing at <paramref name="length"/>; what lies behind it is cut off.</summary>
    /// <exception cref="FileNotFoundException">There is none of that name.</exception>
    /// <exception cref="InvalidDataException">It is shorter than <paramref name="length"/>.</exception>
    ValueTask<IBlobWriter> ResumeAsync(string name, long length, CancellationToken cancellationToken = default);

    /// <summary>Fills the whole destination from an offset of an object.</summary>
    /// <exception cref="FileNotFoundException">There is none of that name.</exception>
    /// <exception cref="EndOfStreamException">The object ends before.</exception>
    ValueTask ReadAsync(string name, long offset, Memory<byte> destination, CancellationToken cancellationToken = default);

    /// <summary>Bytes of an object, or null where there is none of that name.</summary>
    ValueTask<long?> GetLengthAsync(string name, CancellationToken cancellationToken = default);

    /// <summary>The names of all objects, in no order.</summary>
    IAsyncEnumerable<string> ListAsync(CancellationToken cancellationToken = default);

    /// <summary>Removes an object; nothing happens where there is none.</summary>
    ValueTask DeleteAsync(string name, CancellationToken cancellationToken = default);
}
