using NixFuseStore.Client.Changes;
using NixFuseStore.Client.Chunks;
using NixFuseStore.Client.Paths;
using NixFuseStore.Client.Server;
using NixFuseStore.Client.Trees;
using NixFuseStore.Content;
using NixFuseStore.Nix;

namespace NixFuseStore.Client.Contracts;

/// <summary>
/// A remote store as the file system sees it: lookups, trees, listings and reads, all verified, all lazy.
/// Every member may be called from any thread, and calls may overlap.
/// </summary>
/// <remarks>
/// What fails because the server cannot be asked in time throws <see cref="StoreUnavailableException"/>; what arrives and does not
/// verify throws <see cref="StoreVerificationException"/>. Both are <see cref="IOException"/>s, and neither ever means "no such path".
/// </remarks>
public interface IStoreReader : IAsyncDisposable
{
    /// <summary>The store directory that the paths belong to. Known from the start; before the first contact it is the one of the cache.</summary>
    StoreDirectory Directory { get; }

    /// <summary>
    /// Looks a path up in memory only: never blocks, never allocates. False means "not known here", which says nothing about validity.
    /// </summary>
    /// <param name="baseName">The base name, <c>hash-name</c>, as bytes.</param>
    /// <param name="handle">The handle, where the answer is true.</param>
    bool TryGetKnown(ReadOnlySpan<byte> baseName, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out PathHandle? handle);

    /// <summary>
    /// The verified record of a path, or null where the server says that the path is not valid (this is not remembered).
    /// The trees of the path's closure follow in the background.
    /// </summary>
    /// <exception cref="StoreUnavailableException">The server could not be asked within the lookup deadline and the path is not known.</exception>
    ValueTask<PathHandle?> FindAsync(StorePath path, CancellationToken cancellationToken);

    /// <summary>
    /// As <see cref="FindAsync"/> for many names at once, in few round trips; names that are not valid give null at their place. A record that does
    /// not verify is an error for the first name only; of the others it makes null, so that one bad path does not take good ones with it.
    /// </summary>
    ValueTask<PathHandle?[]> FindManyAsync(IReadOnlyList<StorePath> paths, CancellationToken cancellationToken);

    /// <summary>
    /// Brings a path that is not valid from the upstream caches of the store, and returns it; null where none has it. What takes longer than
    /// a lookup may goes on in the background.
    /// </summary>
    /// <exception cref="StoreUnavailableException">An upstream cache has it, or has not answered yet, but it is not here.</exception>
    ValueTask<PathHandle?> FindUpstreamAsync(StorePath path, CancellationToken cancellationToken) => new((PathHandle?)null);

    /// <summary>
    /// The verified tree of a path. Afterwards <see cref="PathHandle.Tree"/> is set, until the memory bound for trees drops it again;
    /// the object that was returned stays usable.
    /// </summary>
    ValueTask<ManifestTree> GetTreeAsync(PathHandle handle, CancellationToken cancellationToken);

    /// <summary>
    /// The bytes of a regular file from <paramref name="offset"/> on: exactly min(length, size - offset) bytes, as segments of pinned memory.
    /// The caller disposes the lease when the bytes have been used.
    /// </summary>
    /// <param name="handle">The path.</param>
    /// <param name="entry">Index of a regular file in the path's tree.</param>
    /// <param name="offset">Offset in the file, bytes; at or behind the end gives an empty lease.</param>
    /// <param name="length">Bytes wanted, at most <see cref="StoreReaderOptions.ReadBytesMax"/>.</param>
    /// <param name="cancellationToken">Ends the wait; what is on its way still goes into the cache.</param>
    ValueTask<ReadLease> ReadAsync(PathHandle handle, int entry, ulong offset, int length, CancellationToken cancellationToken);

    /// <summary>As <see cref="ReadAsync"/>, completing only from memory: never blocks. False: use <see cref="ReadAsync"/>.</summary>
    bool TryRead(PathHandle handle, int entry, ulong offset, int length, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out ReadLease? lease);

    /// <summary>
    /// A program looked up a regular file by name and so will probably read it: a hint, which never blocks and hardly costs anything. Not for
    /// entries that were only listed.
    /// </summary>
    void OnLookup(PathHandle handle, int entry)
    {
    }

    /// <summary>A program lists what is directly in the path: a hint, as <see cref="OnLookup"/> is. Who searches or copies paths lists one after the other.</summary>
    void OnListed(PathHandle handle)
    {
    }

    /// <summary>The target of a symbolic link of the path's tree.</summary>
    ValueTask<byte[]> ReadLinkAsync(PathHandle handle, int entry, CancellationToken cancellationToken);

    /// <summary>
    /// As <see cref="ReadLinkAsync"/>, only from memory, into <paramref name="destination"/>. False: use <see cref="ReadLinkAsync"/>.
    /// </summary>
    bool TryReadLink(PathHandle handle, int entry, Span<byte> destination, out int written);

    /// <summary>
    /// One page of the valid paths in bytewise order of base names, with what a trusted key has signed of them. While the server is away, the paths that are known here.
    /// </summary>
    /// <param name="after">Base name to go on behind, or empty to begin.</param>
    /// <param name="limit">Entries wanted, at least 1.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    ValueTask<ListingPage> ListAsync(string after, int limit, CancellationToken cancellationToken);

    /// <summary>
    /// What becomes valid and what stops being so, from now on and until cancelled. After a time without connection, or when a slow
    /// consumer fell behind, one <see cref="StoreChangeKind.Resync"/> stands for everything missed. A removed path is forgotten
    /// by this reader before its change is delivered.
    /// </summary>
    IAsyncEnumerable<StoreChange> WatchChangesAsync(CancellationToken cancellationToken);
}
