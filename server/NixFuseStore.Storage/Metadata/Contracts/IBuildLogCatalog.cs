using NixFuseStore.Nix;

namespace NixFuseStore.Storage.Metadata;

/// <summary>Logs of builds, by derivation.</summary>
public interface IBuildLogCatalog
{
    /// <summary>Keeps the log of a derivation, valid or not, unless there is one; false where there was. Durable.</summary>
    Task<bool> AddBuildLogAsync(StoreId store, StorePath derivation, BuildLog log, CancellationToken cancellationToken = default);

    /// <summary>The log of a derivation, or null.</summary>
    Task<BuildLog?> FindBuildLogAsync(StoreId store, StorePath derivation, CancellationToken cancellationToken = default);
}
