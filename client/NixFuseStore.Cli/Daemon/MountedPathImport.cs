using NixFuseStore.Client.Adding;
using NixFuseStore.Daemon;
using NixFuseStore.Nix;
using NixFuseStore.Nix.Archives;

namespace NixFuseStore.Cli.Daemon;

/// <summary>An import of the client library, as the daemon wants it.</summary>
internal sealed class MountedPathImport(PathImport import) : IPathImport
{
    /// <summary>The client library's.</summary>
    internal PathImport Import => import;

    /// <inheritdoc/>
    public bool IsComplete => import.IsComplete;

    /// <inheritdoc/>
    public ValueTask<int> WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken) =>
        StoreErrors.TranslateOthersAsync<int, NarFormatException>(import.WriteAsync(bytes, cancellationToken));

    /// <inheritdoc/>
    public (NixHash NarHash, ulong NarSize) Finish() => StoreErrors.Translate(import.Finish);

    /// <inheritdoc/>
    public Task<PathInfo> RegisterAsync(PathInfo info, CancellationToken cancellationToken) =>
        StoreErrors.Translate(() => StoreErrors.TranslateAsync(import.RegisterAsync(info, cancellationToken)));

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => import.DisposeAsync();
}
