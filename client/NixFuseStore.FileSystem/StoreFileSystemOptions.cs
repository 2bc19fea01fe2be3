using Microsoft.Win32.SafeHandles;
using NixFuseStore.FileSystem.Nodes;
using NixFuseStore.Nix;

namespace NixFuseStore.FileSystem;

/// <summary>How long requests may wait, what the process before has left, and who is told what.</summary>
public sealed record StoreFileSystemOptions
{
    /// <summary>
    /// Tells one store from another among node ids: any 16 bytes that stay the same for a store.
    /// </summary>
    public Guid Store { get; init; }

    /// <summary>
    /// A file in memory (<see cref="Native.Linux.Libc.CreateMemoryFile"/>) in which node ids outlive this process: empty for a new mount, else that
    /// of the process before, whose mount goes on. Stays the caller's. Null: they live as long as the process.
    /// </summary>
    public SafeFileHandle? NodeIds { get; init; }

    /// <summary>The daemon's socket of a mount that goes on; null where there is none yet.</summary>
    public DaemonSocketNode? Socket { get; init; }

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
