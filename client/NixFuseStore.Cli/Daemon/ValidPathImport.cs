using NixFuseStore.Daemon;
using NixFuseStore.Nix;
using NixFuseStore.Nix.Archives;

namespace NixFuseStore.Cli.Daemon;

/// <summary>
/// An addition to a store that this mount may only read: it succeeds where the path is valid already, as on a runner that evaluates what
/// others have built, and is refused else. The NAR is looked at and sent nowhere.
/// </summary>
internal sealed class ValidPathImport : IPathImport
{
    private readonly MountedStore _store;
    private readonly NarHasher _hasher = new();
    private readonly NarParser _parser;
    private NixHash? _narHash;

    public ValidPathImport(MountedStore store, INarVisitor? observer)
    {
        _store = store;
        _parser = new NarParser(observer is null ? _hasher : new TeeNarVisitor(observer, _hasher));
    }

    /// <inheritdoc/>
    public bool IsComplete => _parser.IsComplete;

    /// <inheritdoc/>
    public ValueTask<int> WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken) => new(_parser.Write(bytes.Span));

    /// <inheritdoc/>
    public (NixHash NarHash, ulong NarSize) Finish()
    {
        StoreErrors.Translate(() =>
        {
            _parser.Complete();
            return true;
        });
        return (_narHash ??= _hasher.Finish(), _parser.BytesConsumed);
    }

    /// <inheritdoc/>
    public async Task<PathInfo> RegisterAsync(PathInfo info, CancellationToken cancellationToken)
    {
        var valid = await _store.FindPathAsync(info.Path, cancellationToken).ConfigureAwait(false);
        return valid is not null && !_store.IsDamaged(info.Path)
            ? valid
            : throw new DaemonStoreException(
                $"cannot {(valid is null ? "add" : "heal")} '{_store.Directory.Print(info.Path)}': the token of this mount may only read the store; mount it with one that has the right to write");
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        _hasher.Dispose();
        return default;
    }
}
