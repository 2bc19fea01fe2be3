using NixFuseStore.Cli.Control;

namespace NixFuseStore.Cli.Commands;

/// <summary>Finds the process that serves what a user names.</summary>
internal static class MountPoints
{
    /// <summary>The mount at a path, or null.</summary>
    public static async Task<(ControlAddress Socket, MountStatus Status)?> FindByPathAsync(string mountPoint, CancellationToken cancellationToken)
    {
        // As the mount table has it; asking the mount itself could hang.
        var path = Fuse.Mounting.FuseMount.ResolvePath(mountPoint);
        return await FindAsync(status => status.MountPoint == path && !status.Detached, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The mount that owns a cache directory, or null.</summary>
    public static Task<(ControlAddress Socket, MountStatus Status)?> FindByCacheAsync(string cacheDirectory, CancellationToken cancellationToken)
        => FindAsync(status => status.Cache.Directory == cacheDirectory, cancellationToken);

    private static async Task<(ControlAddress Socket, MountStatus Status)?> FindAsync(Func<MountStatus, bool> isIt, CancellationToken cancellationToken)
    {
        foreach (var mount in await ControlClient.FindMountsAsync(cancellationToken).ConfigureAwait(false))
        {
            if (isIt(mount.Status))
            {
                return mount;
            }
        }

        return null;
    }
}
