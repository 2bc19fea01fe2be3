using NixFuseStore.MountBenchmarks;
using NixFuseStore.MountBenchmarks.Hosts;
using NixFuseStore.MountBenchmarks.Peers;
using NixFuseStore.MountBenchmarks.Scenarios;
using NixFuseStore.MountBenchmarks.Scenarios.Daemon;

// Whole-system benchmarks: real closures, a real server, real mounts, and the peers on the same data in the same run.
if (Options.Parse(args) is not { } options)
{
    Console.Error.WriteLine(Options.Usage);
    return 2;
}

var folder = Directory.CreateDirectory(Path.Combine(options.WorkDirectory, "run")).FullName;
var scratch = Directory.CreateDirectory(Path.Combine(folder, "scratch")).FullName;
var data = Path.Combine(folder, "data");
var report = new Report();
try
{
    var jobs = Jobs.Of(options.Store, scratch);
    NixSettings.UseHome(Path.Combine(folder, "home"));
    if (options.Wants("warm") || options.Wants("cached") || options.Wants("cold") || options.Wants("binary-cache"))
    {
        using var server = new ServerHost(options, data, network: null);
        using var client = new ClientHost(options, server, network: null, Path.Combine(folder, "client"));
        client.Push(options.Store, [.. jobs.TopLevel]);
        if (options.Wants("warm") || options.Wants("cached"))
        {
            client.Mount();
            if (options.Wants("warm"))
            {
                WarmScenario.Run(options, report, client);
            }

            if (options.Wants("cached"))
            {
                CachedScenario.Run(options, report, client, jobs, scratch);
            }

            report.Add("warm", "resident after all this", "MiB", client.ResidentMebibytes(), "-", 0, new(250, AtMost: true));
            client.Unmount();
        }

        if (options.Wants("binary-cache"))
        {
            BinaryCacheScenario.Run(options, report, server, BinaryCache.Make(options.Store, Path.Combine(options.WorkDirectory, "binary-cache")), scratch);
        }
    }

    if (options.Wants("cold"))
    {
        ColdScenario.Run(options, report, jobs, data, scratch);
    }

    if (options.Wants(NativeScenario.Group))
    {
        NativeScenario.Run(options, report, jobs, data, scratch);
    }

    if (options.Wants("storage"))
    {
        StorageScenario.Run(options, report, jobs, Path.Combine(folder, "storage"), scratch);
    }

    if (options.Wants("tiny"))
    {
        TinyScenario.Run(options, report, Directory.CreateDirectory(Path.Combine(folder, "tiny")).FullName);
    }

    if (options.Wants(DaemonScenario.Group))
    {
        DaemonScenario.Run(options, report, Directory.CreateDirectory(Path.Combine(folder, "daemon")).FullName);
    }

    report.Write(options.JsonFile);
    return 0;
}
catch (BenchmarkException error)
{
    report.Write(options.JsonFile);
    Console.Error.WriteLine(error.Message);
    return 1;
}
finally
{
    // Nix's own stores hold read-only folders, which an ordinary recursive delete does not get past.
    Shell.Run("chmod", "-R", "u+w", folder);
    Shell.Run("rm", "-rf", "--one-file-system", folder);
}
