using NixFuseStore.Cli.Errors;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Cli.Mounting;

/// <summary>How many descriptors a mount may have, and who gets how many of them.</summary>
internal static class OpenFiles
{
    /// <summary>A mount at work has some 150: the cache's files, connections to servers, the kernel's device, the runtime's own.</summary>
    internal const long Minimum = 256;

    private const long Wanted = 65_536;
    private const int DaemonConnectionsMax = 1024;

    /// <summary>Raises the limit as far as it goes.</summary>
    /// <returns>How many clients the Nix daemon serves at a time. The other half of the descriptors is for the mount itself.</returns>
    /// <exception cref="CliException">It is too low to mount.</exception>
    public static int Prepare()
    {
        var limit = Libc.RaiseOpenFiles(Wanted);
        return limit >= Minimum
            ? DaemonConnections(limit)
            : throw new CliException($"this process may open {limit} files, and a mount needs {Minimum}: raise the limit (ulimit -n 1024, or LimitNOFILE= of a service)");
    }

    internal static int DaemonConnections(long limit) => (int)Math.Min(DaemonConnectionsMax, limit / 2);
}
