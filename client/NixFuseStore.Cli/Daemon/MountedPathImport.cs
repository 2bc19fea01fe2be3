using NixFuseStore.Client.Adding;
using NixFuseStore.Daemon;
using NixFuseStore.Nix;

namespace NixFuseStore.Cli.Daemon;

/// <summary>An import of the client library, as the daemon wants it.</summary>
internal sealed class MountedPathImport(PathImport import) : IPathImport
{
    /// <inheritdoc/>
    public bool IsComplete => import.IsComplete;

    /// <inheritdoc/>
    public ValueTask WriteAsync(ReadOnlyMemory<byte> nar, CancellationToken cancellationToken) =>
        StoreErrors.TranslateAsync(import.WriteAsync(nar, cancellationToken));

    /// <inheritdoc/>
    public (NixHash NarHash, ulong NarSize) Finish() => StoreErrors.Translate(import.Finish);

    /// <inheritdoc/>
    public Task<PathInfo> RegisterAsync(PathInfo info, CancellationToken cancellationToken) =>
        StoreErrors.Translate(() => StoreErrors.TranslateAsync(import.RegisterAsync(info, cancellationToken)));

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => import.DisposeAsync();
}
