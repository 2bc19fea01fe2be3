using NixFuseStore.Nix;

namespace NixFuseStore.Client;

/// <summary>How a <c>StoreReader</c> works: whom it trusts, how long it waits, what it may hold.</summary>
public sealed class StoreReaderOptions
{
    /// <summary>Longest read in one call, bytes.</summary>
    public const int ReadBytesMax = 16 << 20;

    /// <summary>Keys whose statements are believed. Empty: the server's own keys are believed, which only a server on loopback is allowed.</summary>
    public IReadOnlyList<NixPublicKey> TrustedPublicKeys { get; init; } = [];

    /// <summary>Directory for records and manifest sections that outlive the process; null keeps them in memory only.</summary>
    public string? MetadataDirectory { get; init; }

    /// <summary>Readers of the process before wait for this one: what is cached is served before the server is met.</summary>
    public bool IsResumed { get; init; }

    /// <summary>Bound of the metadata directory, bytes.</summary>
    public long MetadataBytesMax { get; init; } = 1L << 30;

    /// <summary>Bound of parsed manifest sections in memory, bytes.</summary>
    public long SectionMemoryBytesMax { get; init; } = 48 << 20;

    /// <summary>Bound of chunks in memory, bytes.</summary>
    public long ChunkMemoryBytesMax { get; init; } = 64 << 20;

    /// <summary>How long a lookup of a path that is not known may take.</summary>
    public TimeSpan LookupDeadline { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long the tree of a known path may take.</summary>
    public TimeSpan TreeDeadline { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a read may take, with all its retries.</summary>
    public TimeSpan ReadDeadline { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Told in one line what an operator should know; called on any thread; may be null.</summary>
    public Action<string>? Notice { get; init; }

    /// <summary>Clock and timers.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;
}
