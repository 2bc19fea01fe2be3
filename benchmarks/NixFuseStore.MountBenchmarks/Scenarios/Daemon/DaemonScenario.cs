using NixFuseStore.MountBenchmarks.Hosts;
using NixFuseStore.MountBenchmarks.Peers;

namespace NixFuseStore.MountBenchmarks.Scenarios.Daemon;

/// <summary>Stock Nix and other speakers of its worker protocol through the socket in the mount, with PostgreSQL behind the server.</summary>
internal static class DaemonScenario
{
    public const string Group = "daemon";

    public static void Run(Options options, Report report, string folder)
    {
        foreach (var why in new[] { NixDaemon.WhyMissing, Databases.WhyMissing })
        {
            if (why is not null)
            {
                report.Skip(Group, "everything", why);
                return;
            }
        }

        using var databases = new Databases();
        QueryScenario.Run(options, report, databases, Path.Combine(folder, "query"));
        InstantiateScenario.Run(options, report, databases, Path.Combine(folder, "instantiate"));
        RegistrationScenario.Run(options, report, databases, Path.Combine(folder, "registration"));
        CopyScenario.Run(options, report, databases, Path.Combine(folder, "copy"));
    }
}
