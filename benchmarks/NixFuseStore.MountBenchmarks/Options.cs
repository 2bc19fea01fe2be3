namespace NixFuseStore.MountBenchmarks;

/// <summary>What the command line asks for.</summary>
internal sealed record Options(
    string Store, string? Rebuilt, string WorkDirectory, int Repeats, string JsonFile, IReadOnlyList<string> Groups, string Programs, string Only, string? Beside)
{
    public const string Usage = """
        usage: NixFuseStore.MountBenchmarks --store ROOT [--rebuilt ROOT] [--work DIR] [--repeat N] [--json FILE] [--programs DIR]
                                            [--only TEXT] [--beside DIR] [GROUP...]

          --store ROOT     a chroot Nix store with the closures to measure (ROOT/nix/store, ROOT/nix/var/nix/db), on a local disk
          --rebuilt ROOT   its mass rebuild, for the storage group
          --work DIR       scratch space on the same disk (default: artifacts/benchmark below the current folder); removed at the end
          --repeat N       runs a figure; medians are printed (default 5)
          --programs DIR   where nixfuse and nixfuse-server are (default: out)
          --only TEXT      of the groups cold and daemon, measure only rows whose name contains this, such as "python3", "on far",
                           "registered", "SQLite", "builds" or "nix copy"
          --beside DIR     for the group native: where a nixfuse on the .NET runtime is (./build.sh --quick makes it)
          GROUP            warm, cached, cold, storage, tiny, daemon, binary-cache, native (default: all)

        Needs root, a Nix, nginx, bubblewrap, squashfuse, squashfs-tools, sshfs, socat, openssh-sftp-server, strace, iproute2, gcc, wrk and
        PostgreSQL.
        """;

    public static Options? Parse(string[] arguments)
    {
        string? store = null, rebuilt = null, beside = null;
        string work = Path.GetFullPath("artifacts/benchmark"), json = "", programs = "out", only = "";
        var repeats = 5;
        List<string> groups = [];
        for (var i = 0; i < arguments.Length; i++)
        {
            if (!arguments[i].StartsWith("--", StringComparison.Ordinal))
            {
                groups.Add(arguments[i]);
                continue;
            }

            if (i + 1 == arguments.Length)
            {
                return null;
            }

            var value = arguments[++i];
            switch (arguments[i - 1])
            {
                case "--store": store = Path.GetFullPath(value); break;
                case "--rebuilt": rebuilt = Path.GetFullPath(value); break;
                case "--work": work = Path.GetFullPath(value); break;
                case "--json": json = Path.GetFullPath(value); break;
                case "--programs": programs = value; break;
                case "--only": only = value; break;
                case "--beside": beside = Path.GetFullPath(value); break;
                case "--repeat" when int.TryParse(value, out repeats) && repeats > 0: break;
                default: return null;
            }
        }

        if (store is null || !Directory.Exists(Path.Combine(store, "nix/store")))
        {
            return null;
        }

        return new Options(store, rebuilt, work, repeats, json, groups, Path.GetFullPath(programs), only, beside);
    }

    public bool Wants(string group) => Groups.Count == 0 || Groups.Contains(group);

    public bool WantsRow(string name) => name.Contains(Only, StringComparison.Ordinal);
}
