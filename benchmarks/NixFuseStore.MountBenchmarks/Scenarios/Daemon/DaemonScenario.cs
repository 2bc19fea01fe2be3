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
        (string Rows, Action<string> Run)[] scenarios =
        [
            ("path-info", place => QueryScenario.Run(options, report, databases, place)),
            ("nix-instantiate", place => InstantiateScenario.Run(options, report, databases, place)),
            ("registered, PostgreSQL", place => RegistrationScenario.Run(options, report, databases.Create(), "PostgreSQL", place)),
            ("registered, SQLite", place => RegistrationScenario.Run(options, report, metadata: null, "SQLite", place)),
            ("builds", place => BuildScenario.Run(options, report, databases, Directory.CreateDirectory(place).FullName)),
            ("nix copy", place => CopyScenario.Run(options, report, databases, place)),
        ];
        foreach (var (rows, run) in scenarios)
        {
            if (options.WantsRow(rows))
            {
                run(Path.Combine(folder, rows.Replace(", ", "-", StringComparison.Ordinal).Replace(' ', '-')));
            }
        }
    }
}
