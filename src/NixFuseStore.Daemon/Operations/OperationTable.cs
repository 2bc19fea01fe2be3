using NixFuseStore.Daemon.Protocol;
using NixFuseStore.Daemon.Sessions;
using NixFuseStore.Daemon.Wire;

namespace NixFuseStore.Daemon.Operations;

/// <summary>
/// Which code serves which number. An operation reads all fields of its request, then does its work, then begins the reply with
/// <see cref="DaemonSession.Reply"/>; the connection sends what is written. All are served in every version: clients use only what
/// theirs knows, but some ask for AddPermRoot before it existed.
/// </summary>
internal static class OperationTable
{
    private static readonly Func<DaemonSession, ValueTask>?[] Handlers = Build();

    /// <summary>The code for a number.</summary>
    /// <exception cref="WireException">There is none; the length of the request is unknown.</exception>
    internal static Func<DaemonSession, ValueTask> Find(ulong number) =>
        number < (ulong)Handlers.Length && Handlers[number] is { } handler ? handler : throw new WireException($"invalid operation {number}");

    private static Func<DaemonSession, ValueTask>?[] Build()
    {
        var handlers = new Func<DaemonSession, ValueTask>?[(int)Operation.AddPermRoot + 1];
        foreach (var (operation, handler) in List())
        {
            handlers[(int)operation] = handler;
        }

        return handlers;
    }

    private static (Operation Operation, Func<DaemonSession, ValueTask> Handler)[] List() =>
    [
        (Operation.IsValidPath, ValidityOperations.IsValidPathAsync),
        (Operation.QueryValidPaths, ValidityOperations.QueryValidPathsAsync),
        (Operation.QueryAllValidPaths, ValidityOperations.QueryAllValidPathsAsync),
        (Operation.QueryPathFromHashPart, ValidityOperations.QueryPathFromHashPartAsync),

        (Operation.QueryPathInfo, PathInfoOperations.QueryPathInfoAsync),
        (Operation.QueryPathHash, PathInfoOperations.QueryPathHashAsync),
        (Operation.QueryReferences, PathInfoOperations.QueryReferencesAsync),
        (Operation.QueryReferrers, PathInfoOperations.QueryReferrersAsync),
        (Operation.QueryDeriver, PathInfoOperations.QueryDeriverAsync),
        (Operation.QueryValidDerivers, PathInfoOperations.QueryValidDeriversAsync),
        (Operation.AddSignatures, PathInfoOperations.AddSignaturesAsync),

        (Operation.QueryDerivationOutputs, DerivationOperations.QueryDerivationOutputsAsync),
        (Operation.QueryDerivationOutputNames, DerivationOperations.QueryDerivationOutputNamesAsync),
        (Operation.QueryDerivationOutputMap, DerivationOperations.QueryDerivationOutputMapAsync),
        (Operation.RegisterDrvOutput, RealisationOperations.RegisterDrvOutputAsync),
        (Operation.QueryRealisation, RealisationOperations.QueryRealisationAsync),

        (Operation.HasSubstitutes, SubstituteOperations.HasSubstitutesAsync),
        (Operation.QuerySubstitutablePathInfo, SubstituteOperations.QuerySubstitutablePathInfoAsync),
        (Operation.QuerySubstitutablePathInfos, SubstituteOperations.QuerySubstitutablePathInfosAsync),
        (Operation.QuerySubstitutablePaths, SubstituteOperations.QuerySubstitutablePathsAsync),

        (Operation.AddToStore, AddOperations.AddToStoreAsync),
        (Operation.AddTextToStore, AddOperations.AddTextToStoreAsync),
        (Operation.AddToStoreNar, AddNarOperations.AddToStoreNarAsync),
        (Operation.AddMultipleToStore, AddNarOperations.AddMultipleToStoreAsync),
        (Operation.AddBuildLog, AddNarOperations.AddBuildLogAsync),
        (Operation.NarFromPath, TransferOperations.NarFromPathAsync),
        (Operation.ExportPath, TransferOperations.ExportPathAsync),
        (Operation.ImportPaths, TransferOperations.ImportPathsAsync),

        (Operation.QueryMissing, BuildOperations.QueryMissingAsync),
        (Operation.EnsurePath, BuildOperations.EnsurePathAsync),
        (Operation.BuildPaths, BuildOperations.BuildPathsAsync),
        (Operation.BuildPathsWithResults, BuildOperations.BuildPathsWithResultsAsync),
        (Operation.BuildDerivation, BuildOperations.BuildDerivationAsync),

        (Operation.AddTempRoot, RootOperations.AddTempRootAsync),
        (Operation.AddIndirectRoot, RootOperations.AddIndirectRootAsync),
        (Operation.AddPermRoot, RootOperations.AddPermRootAsync),
        (Operation.SyncWithGC, RootOperations.SyncWithGCAsync),
        (Operation.FindRoots, RootOperations.FindRootsAsync),
        (Operation.CollectGarbage, RootOperations.CollectGarbageAsync),

        (Operation.SetOptions, MaintenanceOperations.SetOptionsAsync),
        (Operation.OptimiseStore, MaintenanceOperations.OptimiseStoreAsync),
        (Operation.VerifyStore, MaintenanceOperations.VerifyStoreAsync),
        (Operation.QueryFailedPaths, MaintenanceOperations.QueryFailedPathsAsync),
        (Operation.ClearFailedPaths, MaintenanceOperations.ClearFailedPathsAsync),
    ];
}
