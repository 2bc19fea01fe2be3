using NixFuseStore.Nix;

namespace NixFuseStore.Storage.Metadata;

/// <summary>Logs of builds, by derivation.</summary>
public interface IBuildLogCatalog
{
    /// <summary>
    /// Keeps the log of a derivation, valid or not, unless there is one that is whole and not of a failure; false where there was. Durable.
    /// </summary>
    Task<bool> AddBuildLogAsync(StoreId store, StorePath derivation, BuildLog log, CancellationToken cancellationToken = default);

    /// <summary>The log of a derivation, as it was added; null where there is none, or where it is damaged.</summary>
    Task<BuildLog?> FindBuildLogAsync(StoreId store, StorePath derivation, CancellationToken cancellationToken = default);
}
