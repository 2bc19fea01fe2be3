namespace NixFuseStore.Storage.Metadata;

/// <summary>
/// Everything that servers share but the chunks' bytes. All calls may overlap and come from several processes (PostgreSQL) or from one
/// (SQLite; the command line beside it is fine too). Every call throws <see cref="MetadataUnavailableException"/> where the database is away.
/// </summary>
public interface IMetadataStore
    : IStoreCatalog, ITokenCatalog, IPathCatalog, IRegistrar, IEventLog, IChunkIndex, IRootCatalog, IDerivationCatalog,
      IBuildLogCatalog, IBuildCatalog, INarFileCatalog, IUpstreamCatalog, IStoreTextCatalog, IUseCatalog, IDamageCatalog, IAsyncDisposable
{
    /// <summary>What the database is, for messages: no password in it.</summary>
    string Description { get; }

    /// <summary>Transactions of this process whose commits waited for the disk.</summary>
    long DurableCommits { get; }

    /// <summary>Raised by each call that finds the database away, before it fails; on its thread.</summary>
    event Action? FoundAway;

    /// <summary>Asks the database for a sign of life.</summary>
    Task PingAsync(CancellationToken cancellationToken = default);
}
