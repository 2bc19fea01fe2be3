namespace NixFuseStore.Builds.Cells;

/// <summary>What one build may take of its host.</summary>
/// <param name="MemoryBytes">Memory of all its processes; what goes beyond it ends one of them.</param>
/// <param name="Processes">Processes and threads at a time; more are refused.</param>
public sealed record CellLimits(long MemoryBytes, int Processes)
{
    /// <summary>So much that hardly a build needs more, and so little that the host goes on.</summary>
    public static CellLimits Default { get; } = new(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 10 * 9, 10_000);
}
