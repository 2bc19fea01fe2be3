namespace NixFuseStore.Storage.Metadata;

/// <summary>The upstream binary caches of stores.</summary>
public interface IUpstreamCatalog
{
    /// <summary>Where a store gets paths from that it does not have; never null.</summary>
    Task<UpstreamSettings> GetUpstreamsAsync(StoreId store, CancellationToken cancellationToken = default);

    /// <summary>Adds and removes in one transaction. What is there already keeps its place; what is not there is removed by doing nothing.</summary>
    Task ChangeUpstreamsAsync(
        StoreId store, UpstreamSettings added, UpstreamSettings removed, CancellationToken cancellationToken = default);
}
