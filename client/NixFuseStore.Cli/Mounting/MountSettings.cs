using NixFuseStore.Cli.Settings;

namespace NixFuseStore.Cli.Mounting;

/// <summary>What <c>nixfuse mount</c> was asked for.</summary>
internal sealed record MountSettings
{
    public const long CacheBytesDefault = 20L << 30;

    /// <summary>
    /// What a kernel asks for around a missing page of a mapped file, all of which the program waits for. With 1 MiB, starting ffmpeg moves 62 MB instead of
    /// 29, and sequential reading gains only an eighth: the client itself reads ahead further.
    /// </summary>
    public const int ReadAheadKibibytesDefault = 128;


    /// <summary>As given; resolved when mounting.</summary>
    public required string MountPoint { get; init; }

    public required StoreSettings Store { get; init; }

    /// <summary>Stay in the terminal, instead of returning once the mount is usable.</summary>
    public bool Foreground { get; init; }

    /// <summary>Started by another nixfuse that waits for word on the inherited pipe.</summary>
    public bool IsDetached { get; init; }

    /// <summary>Null for the default place.</summary>
    public string? CacheDirectory { get; init; }

    public long CacheBytesMax { get; init; } = CacheBytesDefault;

    public int ReadAheadKibibytes { get; init; } = ReadAheadKibibytesDefault;
}
