namespace NixFuseStore.Cli.Control;

/// <summary>State of a mount, as <c>nixfuse status --json</c> prints it: names are only ever added.</summary>
internal sealed record MountStatus
{
    public required string MountPoint { get; init; }

    /// <summary>Whether it is unmounted here, and only served because another mount namespace still has it.</summary>
    public required bool Detached { get; init; }

    /// <summary>The process that holds the mount.</summary>
    public required int SupervisorPid { get; init; }

    /// <summary>The process that serves it.</summary>
    public required int WorkerPid { get; init; }

    /// <summary>The path of its program.</summary>
    public required string Program { get; init; }

    /// <summary>Processes that served it and were replaced.</summary>
    public required int Restarts { get; init; }

    /// <summary>Why the last of them was; null where none was.</summary>
    public string? LastRestart { get; init; }

    public required string Version { get; init; }

    public required string Server { get; init; }

    public required string Store { get; init; }

    public required string StoreDirectory { get; init; }

    public required bool Connected { get; init; }

    /// <summary>Since when it is (not) connected.</summary>
    public required DateTimeOffset? Since { get; init; }

    /// <summary>Why it is not connected.</summary>
    public required string? Reason { get; init; }

    /// <summary>Number of the last event of the store that is known here.</summary>
    public required ulong Event { get; init; }

    public required double UptimeSeconds { get; init; }

    public required long ResidentBytes { get; init; }

    /// <summary>Paths that were given node ids.</summary>
    public required int Paths { get; init; }

    /// <summary>Where stock Nix finds the mount's daemon; null where it has none.</summary>
    public string? DaemonSocket { get; init; }

    /// <summary>What was added through the daemon and is not registered yet; null where it has none.</summary>
    public AddingStatus? Adding { get; init; }

    /// <summary>What is built here; null where nothing ever is.</summary>
    public BuildsStatus? Builds { get; init; }

    public required CacheStatus Cache { get; init; }

    public required TransferStatus Transfer { get; init; }

    public required RequestStatus Requests { get; init; }
}

/// <summary>Paths that were added on this host and acknowledged, and are not registered at the server.</summary>
/// <param name="Journal">Directory of the journal that keeps them.</param>
/// <param name="Waiting">Paths that will be registered when the server takes them.</param>
/// <param name="SetAside">Paths that the server refused; the log has the reasons, and the next mount tries them again.</param>
/// <param name="DamagedFiles">Files of the journal that cannot be read whole, and are kept.</param>
/// <param name="OtherStores">Directories with paths that wait for another store to be mounted with this cache.</param>
/// <param name="Trouble">Why the journal takes nothing at present; null while it works.</param>
internal sealed record AddingStatus(
    string Journal, int Waiting, int SetAside, IReadOnlyList<string> DamagedFiles, IReadOnlyList<string> OtherStores, string? Trouble);


/// <summary>What a mount builds.</summary>
/// <param name="JobsMax">Builds at a time.</param>
/// <param name="Sandbox">Whether the sandbox has been proven to shut the host out, in words.</param>
/// <param name="Builds">What runs and waits, in the order in which it was asked for.</param>
internal sealed record BuildsStatus(int JobsMax, string Sandbox, IReadOnlyList<BuildStatusEntry> Builds);

/// <summary>A build.</summary>
/// <param name="Derivation">Full path of the .drv.</param>
/// <param name="State"><c>running</c>, <c>queued</c> for want of a slot, or <c>elsewhere</c> where another host builds it.</param>
/// <param name="Host">The other host, where there is one.</param>
/// <param name="Seconds">Since it was first asked for.</param>
/// <param name="Waiters">Requests that wait for it.</param>
internal sealed record BuildStatusEntry(string Derivation, string State, string? Host, double Seconds, int Waiters);
