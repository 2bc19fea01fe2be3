using NixFuseStore.Client.Paths;
using NixFuseStore.Client.Trees;
using NixFuseStore.Nix;

namespace NixFuseStore.Client;

/// <content>Paths that are not valid yet.</content>
public sealed partial class StoreReader
{
    /// <summary>The caller's deadline is that of a lookup, part of which has passed.</summary>
    private const double PatienceShare = 0.8;

    private UpstreamImports? _imports;

    /// <inheritdoc/>
    public async ValueTask<PathHandle?> FindUpstreamAsync(StorePath path, CancellationToken cancellationToken)
    {
        if (!_health.IsUp)
        {
            return null;
        }

        var imports = LazyInitializer.EnsureInitialized(ref _imports, () => new UpstreamImports(Calls, _time, _stop.Token));
        return await imports.TryImportAsync(path, _options.LookupDeadline * PatienceShare, cancellationToken).ConfigureAwait(false)
            ? await FindAsync(path, cancellationToken).ConfigureAwait(false)
            : null;
    }
}
