namespace NixFuseStore.MountBenchmarks;

/// <summary>What a CI job does: a program of one top-level path, run where only the store is visible.</summary>
internal sealed record Job(string Name, string Path, string[] Command)
{
    /// <summary>Arguments of bwrap that run the job over a folder that holds the store's paths.</summary>
    public IEnumerable<string> Bubblewrap(string storeFolder, string scratch) =>
    [
        "--unshare-user", "--unshare-pid", "--clearenv", "--ro-bind", storeFolder, "/nix/store", "--proc", "/proc", "--dev", "/dev",
        "--bind", scratch, "/tmp", "--setenv", "HOME", "/tmp", "--chdir", "/tmp", Path + "/bin/" + Command[0], .. Command[1..],
    ];
}

/// <summary>The jobs that a store made of the default packages allows.</summary>
internal sealed class Jobs
{
    private const string HelloSource = "#include <stdio.h>\nint main(void) { puts(\"hello\"); return 0; }\n";

    private Jobs(IReadOnlyList<string> topLevel, IReadOnlyList<Job> all) => (TopLevel, All) = (topLevel, all);

    /// <summary>The store paths that nothing else refers to.</summary>
    public IReadOnlyList<string> TopLevel { get; }

    public IReadOnlyList<Job> All { get; }

    public Job Python => All.First(job => job.Name == "python3");

    public Job Gcc => All.First(job => job.Name == "gcc");

    public static Jobs Of(string storeRoot, string scratch)
    {
        Directory.CreateDirectory(scratch);
        File.WriteAllText(System.IO.Path.Combine(scratch, "hello.c"), HelloSource);
        var roots = Directory.GetFileSystemEntries(storeRoot + "/nix/var/nix/gcroots/real-store")
            .Select(link => "/nix/store/" + System.IO.Path.GetFileName(link)).Order(StringComparer.Ordinal).ToArray();
        List<Job> jobs = [];
        Add("python3", "python3", "-c", "import json,ssl,sqlite3");
        Add("nodejs", "node", "-e", "1");
        Add("git", "git", "--version");
        Add("gcc", "gcc", "/tmp/hello.c", "-o", "/tmp/hello");
        Add("ffmpeg", "ffmpeg", "-version");
        return new Jobs(roots, jobs);

        void Add(string package, params string[] command)
        {
            var path = roots.FirstOrDefault(root => root[("/nix/store/".Length + 33)..].StartsWith(package + "-", StringComparison.Ordinal));
            if (path is not null)
            {
                jobs.Add(new Job(package, path, command));
            }
        }
    }
}
