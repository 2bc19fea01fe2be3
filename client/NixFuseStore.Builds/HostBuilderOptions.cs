using NixFuseStore.Builds.Cells;
using NixFuseStore.Builds.Fleet;
using NixFuseStore.Daemon;

namespace NixFuseStore.Builds;

/// <summary>How a host builds.</summary>
public sealed record HostBuilderOptions
{
    /// <summary>The store: inputs are valid in it, outputs are registered there.</summary>
    public required IDaemonStore Store { get; init; }

    /// <summary>The hosts that build for the store.</summary>
    public required IBuildFleet Fleet { get; init; }

    /// <summary>Where the mount shows the store's paths, such as <c>/mnt/nix/store</c>. Only processes of cells go there, never this one.</summary>
    public required string MountedStore { get; init; }

    /// <summary>Where cells lie, on a local disk that is no overlay; made where it is missing. One process at a time need not be alone in it.</summary>
    public required string Directory { get; init; }

    /// <summary>Files and directories of this host that no builder may see, such as tokens and caches.</summary>
    public IReadOnlyList<string> Secrets { get; init; } = [];

    /// <summary>Where the stock Nix that builds is installed: its programs lie there or in <c>bin</c> below; null for those on PATH.</summary>
    public string? NixPrograms { get; init; }

    /// <summary>The systems and system features that this host builds for.</summary>
    public BuildNeeds Host { get; init; } = BuildNeeds.OfThisHost;

    /// <summary>Builds at a time; 0 where only other hosts build.</summary>
    public int JobsMax { get; init; } = Math.Max(1, Environment.ProcessorCount / 4);

    /// <summary>What builders are told of how many cores they may use (<c>NIX_BUILD_CORES</c>); a client may lower it.</summary>
    public int Cores { get; init; } = Math.Min(4, Environment.ProcessorCount);

    /// <summary>What one build may take of this host, where its control groups allow limits.</summary>
    public CellLimits Limits { get; init; } = CellLimits.Default;

    /// <summary>Whether free slots are offered to other hosts, where the store's token has the right to build.</summary>
    public bool BuildsForOthers { get; init; } = true;

    /// <summary>Told in one line what an operator should know. Any thread.</summary>
    public Action<string> Notice { get; init; } = static _ => { };
}
