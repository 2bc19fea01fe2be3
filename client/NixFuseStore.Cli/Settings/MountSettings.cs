using NixFuseStore.Cli.Access;
using NixFuseStore.Settings;

namespace NixFuseStore.Cli.Settings;

/// <summary>What <c>nixfuse mount</c> was asked for.</summary>
internal sealed record MountSettings
{
    public const long CacheBytesDefault = 20L << 30;

    /// <summary>
    /// How far the kernel reads ahead, KiB. A page fault in a mapped library asks for this much around it: ffmpeg's 190 libraries cost 70 MB
    /// of a cold host's link at 1024, 40 MB at 128, and less gains nothing more. Reading on and on is as fast, since the client reads ahead itself.
    /// </summary>
    public const int ReadAheadKibibytesDefault = 128;

    /// <summary>As given; resolved when mounting.</summary>
    public required string MountPoint { get; init; }

    public required StoreSettings Store { get; init; }

    /// <summary>Stay in the terminal, instead of returning once the mount is usable.</summary>
    public bool Foreground { get; init; }

    /// <summary>Whether each request of the kernel and each operation of the daemon socket is printed to the log.</summary>
    public bool Trace { get; init; }

    /// <summary>Where the mount's metrics are served; null for nowhere.</summary>
    public MetricsAddress? Metrics { get; init; }

    /// <summary>Started by another nixfuse that waits for word on the inherited pipe.</summary>
    public bool IsDetached { get; init; }

    /// <summary>Null for the default place.</summary>
    public string? CacheDirectory { get; init; }

    public long CacheBytesMax { get; init; } = CacheBytesDefault;

    /// <summary>Which clients of the daemon socket may do what stock Nix allows trusted users only, where the token may write at all.</summary>
    public required TrustedClients Trusted { get; init; }

    /// <summary>How derivations are built on this host; null where they are not.</summary>
    public BuildSettings? Builds { get; init; } = new();

    public int ReadAheadKibibytes { get; init; } = ReadAheadKibibytesDefault;
}
