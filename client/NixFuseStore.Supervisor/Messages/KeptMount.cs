using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using NixFuseStore.Fuse.Kernel;
using NixFuseStore.Fuse.Mounting;
using NixFuseStore.Fuse.Sessions;

namespace NixFuseStore.Supervisor.Messages;

/// <summary>All that the next worker needs to go on with a mount, beside the open files (<see cref="KeptFiles"/>): what the kernel remembers of us, and what it is asked for only once.</summary>
public sealed record KeptMount
{
    /// <summary>The mount.</summary>
    public required FuseMountState Mount { get; init; }

    /// <summary>Minor version of the kernel's protocol that INIT agreed on.</summary>
    public required uint Minor { get; init; }

    /// <summary>Features that INIT agreed on.</summary>
    public required ulong Features { get; init; }

    /// <summary>Read-ahead that INIT granted, in bytes.</summary>
    public required uint ReadAheadBytes { get; init; }

    /// <summary>Where the control socket lies.</summary>
    public required string ControlDirectory { get; init; }

    /// <summary>Its name there.</summary>
    public required string ControlName { get; init; }

    /// <summary>The socket of the mount's Nix daemon; null where it has none.</summary>
    public KeptSocket? Daemon { get; init; }

    /// <summary>Arguments that say what settings files and environment said when the mount was made: it goes on with the same store and cache whatever they say by then.</summary>
    public required IReadOnlyList<string> Arguments { get; init; }

    /// <summary>The file that the mount's log goes to; null for standard error.</summary>
    public string? Log { get; init; }

    /// <summary>What INIT agreed on, as a session wants it.</summary>
    public FuseConnection Connection => new(Minor, (FuseFeatures)Features, ReadAheadBytes);
}

/// <summary>A listening socket in a mount, or beside it.</summary>
/// <param name="Path">Where clients find it.</param>
/// <param name="MountName">The directory's name below the runtime directory, where it lies beside the mount; null where it lies inside.</param>
/// <param name="Node">The node inside; 0 where it lies beside.</param>
/// <param name="Mode">Its kind and permissions, as in st_mode.</param>
/// <param name="UserId">Its owner.</param>
/// <param name="GroupId">Its group.</param>
public sealed record KeptSocket(string Path, string? MountName, ulong Node, uint Mode, uint UserId, uint GroupId);

/// <summary>The open files of a mount, in the order in which messages carry them. Owns them.</summary>
/// <param name="device">The one <c>/dev/fuse</c>; it is never cloned.</param>
/// <param name="nodeIds">A file in memory with the node ids that were given.</param>
/// <param name="control">The listening control socket.</param>
/// <param name="daemon">The listening daemon socket; null where there is none.</param>
public sealed class KeptFiles(SafeFileHandle device, SafeFileHandle nodeIds, SafeHandle control, SafeHandle? daemon) : IDisposable
{
    private const int Least = 3;

    /// <summary>The one <c>/dev/fuse</c>.</summary>
    public SafeFileHandle Device => device;

    /// <summary>The node ids that were given.</summary>
    public SafeFileHandle NodeIds => nodeIds;

    /// <summary>The listening control socket.</summary>
    public SafeHandle Control => control;

    /// <summary>The listening daemon socket; null where there is none, or none any more.</summary>
    public SafeHandle? Daemon { get; private set; } = daemon;

    /// <summary>In the order of messages.</summary>
    internal SafeHandle[] All => Daemon is null ? [device, nodeIds, control] : [device, nodeIds, control, Daemon];

    /// <summary>Closes the daemon socket.</summary>
    internal void EndDaemon()
    {
        Daemon?.Dispose();
        Daemon = null;
    }

    /// <summary>Takes them from a message.</summary>
    /// <exception cref="InvalidDataException">Some are missing.</exception>
    internal static KeptFiles Take(List<SafeFileHandle> files, bool hasDaemon) =>
        files.Count >= Least + (hasDaemon ? 1 : 0)
            ? new KeptFiles(files[0], files[1], files[2], hasDaemon ? files[Least] : null)
            : throw new InvalidDataException("a message about a mount came without its open files");

    /// <inheritdoc/>
    public void Dispose() => Array.ForEach(All, static file => file.Dispose());
}
