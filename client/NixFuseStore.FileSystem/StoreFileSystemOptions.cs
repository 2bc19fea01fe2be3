using NixFuseStore.Nix;

namespace NixFuseStore.FileSystem;

/// <summary>How long requests may wait, where slots are kept, and who is told what.</summary>
public sealed record StoreFileSystemOptions
{
    /// <summary>
    /// Tells one store from another in the slot file: any 16 bytes that stay the same for a store. Slots of other stores are stale.
    /// </summary>
    public Guid Store { get; init; }

    /// <summary>File that remembers node ids across processes; null to remember them in memory only.</summary>
    public string? SlotFile { get; init; }

    /// <summary>How long a lookup in the store directory may take: it holds that directory's lock in the kernel meanwhile.</summary>
    public TimeSpan RootLookupDeadline { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long any other question about names and attributes may take.</summary>
    public TimeSpan LookupDeadline { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a read may take. EIO on a mapped page kills the program, so a restart of the server must fit.</summary>
    public TimeSpan ReadDeadline { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long the kernel may believe that a store path is not there, without asking again.</summary>
    public TimeSpan NegativeTimeout { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Finds the plain text of a derivation's build log, or null where there is none; null where logs are not shown.</summary>
    public Func<StorePath, CancellationToken, Task<byte[]?>>? FindBuildLog { get; init; }

    /// <summary>Told in one line about failures, at a bounded rate, from any thread; may be null.</summary>
    public Action<string>? Log { get; init; }

    /// <summary>Clock and timers.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}
