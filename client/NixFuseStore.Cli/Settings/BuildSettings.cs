namespace NixFuseStore.Cli.Settings;

/// <summary>How a mount builds derivations; null stands for the default.</summary>
internal sealed record BuildSettings
{
    /// <summary>Builds at a time; 0 where only other hosts build.</summary>
    public int? JobsMax { get; init; }

    /// <summary>What builders are told of how many cores they may use.</summary>
    public int? Cores { get; init; }

    /// <summary>Where builds lie while they run, on a local disk.</summary>
    public string? Directory { get; init; }

    /// <summary>Where the stock Nix that builds is installed.</summary>
    public string? Nix { get; init; }

    /// <summary>Bytes of memory that one build may take.</summary>
    public long? MemoryBytes { get; init; }

    /// <summary>Processes that one build may have.</summary>
    public int? Processes { get; init; }

    /// <summary>System features that derivations may require.</summary>
    public IReadOnlyList<string>? SystemFeatures { get; init; }

    /// <summary>Systems that are built for beside the host's own.</summary>
    public IReadOnlyList<string>? ExtraPlatforms { get; init; }

    /// <summary>Whether free slots are offered to other hosts.</summary>
    public bool BuildsForOthers { get; init; } = true;
}
