namespace NixFuseStore.Storage.Blobs;

/// <summary>Appends to one object. Calls must not overlap. Disposing closes it without flushing.</summary>
public interface IBlobWriter : IAsyncDisposable
{
    /// <summary>Bytes appended so far.</summary>
    long Length { get; }

    /// <summary>Appends all of the buffers, or none: on an error the object is cut back to its former length.</summary>
    /// <exception cref="BlobChangedException">The object was removed or cut off from outside.</exception>
    /// <exception cref="BlobStoreFullException">No space is left; reading goes on, appending works again once there is space.</exception>
    ValueTask AppendAsync(IReadOnlyList<ReadOnlyMemory<byte>> buffers, CancellationToken cancellationToken = default);

    /// <summary>Returns when all that was appended survives a power cut.</summary>
    ValueTask FlushAsync(CancellationToken cancellationToken = default);

    /// <summary>Flushes and ends the object, which never changes again.</summary>
    ValueTask SealAsync(CancellationToken cancellationToken = default);
}
