using NixFuseStore.Nix;
using NixFuseStore.Nix.Archives;

namespace NixFuseStore.Daemon;

/// <summary>
/// One object on its way into the store: its NAR is written in pieces, then it is registered. Memory is bounded for any size.
/// Used by one caller at a time. Disposed without having been registered, it leaves nothing that anyone can see.
/// </summary>
public interface IPathImport : IAsyncDisposable
{
    /// <summary>Takes the next bytes, up to the end of the NAR, which only the NAR itself shows. Waits while too much is under way.</summary>
    /// <returns>How many were taken; fewer than all where the NAR ends among them.</returns>
    /// <exception cref="NarFormatException">The bytes are no NAR.</exception>
    /// <exception cref="DaemonStoreException">They cannot be taken.</exception>
    ValueTask<int> WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken);

    /// <summary>Whether the NAR has ended; then <see cref="WriteAsync"/> takes nothing more.</summary>
    bool IsComplete { get; }

    /// <summary>Hash and size of the whole NAR, once it is complete.</summary>
    /// <exception cref="DaemonStoreException">The NAR has not ended.</exception>
    (NixHash NarHash, ulong NarSize) Finish();

    /// <summary>
    /// Makes the path valid. When this returns it is durable, and valid on every host; but a content-addressed path with little content may
    /// be in a durable local journal only and be registered behind it. Calls for several imports may overlap: a path that refers to paths
    /// whose registration began earlier waits for them.
    /// </summary>
    /// <param name="info">
    /// All that is to be recorded. Hash and size must be those of <see cref="Finish"/>, and a content address must yield the path;
    /// both are checked here again. References must be valid or on their way.
    /// </param>
    /// <param name="cancellationToken">Gives up waiting; the registration may still happen.</param>
    /// <returns>What is registered now, which another host may have registered before.</returns>
    Task<PathInfo> RegisterAsync(PathInfo info, CancellationToken cancellationToken);
}
