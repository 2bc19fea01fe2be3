namespace NixFuseStore.Cli.Control;

/// <summary>What is asked of a process that serves a mount. One JSON object on one line, one per connection.</summary>
/// <param name="Command">One of the constants.</param>
internal sealed record ControlRequest(string Command)
{
    public const string Status = "status";
    public const string Unmount = "unmount";
    public const string Verify = "verify";
    public const string Prefetch = "prefetch";
    public const string Upgrade = "upgrade";
    public const string FollowBuild = "follow builds";

    /// <summary>Unmount: also when it is in use.</summary>
    public bool Lazy { get; init; }

    /// <summary>Verify: drop what is damaged.</summary>
    public bool Repair { get; init; }

    /// <summary>Upgrade: the path of the program that is to serve the mount.</summary>
    public string? Program { get; init; }

    /// <summary>FollowBuild: a derivation, or a part of its name.</summary>
    public string? Build { get; init; }

    /// <summary>Prefetch: full store paths or base names.</summary>
    public IReadOnlyList<string>? Paths { get; init; }
}
