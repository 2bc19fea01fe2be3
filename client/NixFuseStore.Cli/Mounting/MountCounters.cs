using NixFuseStore.Cache;
using NixFuseStore.Client;
using NixFuseStore.Fuse.Sessions;

namespace NixFuseStore.Cli.Mounting;

/// <summary>What the parts of a mount count, read at one moment: what <c>nixfuse status</c> and the metrics show.</summary>
/// <param name="Reader">The store: server, records, chunks that came.</param>
/// <param name="Cache">The chunk cache.</param>
/// <param name="Session">Requests of the kernel.</param>
/// <param name="KnownPaths">Paths that were given node ids.</param>
/// <param name="DaemonConnections">Clients of the Nix daemon socket now.</param>
/// <param name="WaitingPaths">Paths that were added here and wait to be registered.</param>
/// <param name="PathsSetAside">Paths that were added here and that the server refused.</param>
internal sealed record MountCounters(
    StoreReaderStatus Reader,
    ChunkCacheStatus Cache,
    FuseSessionStatistics Session,
    int KnownPaths,
    int DaemonConnections,
    int WaitingPaths,
    int PathsSetAside);
