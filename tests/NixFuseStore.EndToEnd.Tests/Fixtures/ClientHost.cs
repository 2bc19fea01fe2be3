using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace NixFuseStore.EndToEnd.Tests.Fixtures;

/// <summary>A host that uses nixfuse: its own cache directory, mount point, token and, where asked for, network namespace.</summary>
/// <param name="folder">Holds its cache directory and mount point.</param>
/// <param name="server">The server that it talks to.</param>
/// <param name="entering">The words that run a command there, as another user or in a network namespace; null for this machine and user.</param>
/// <param name="mountName">The mount point's name in <paramref name="folder"/>: "nix" makes the folder a root of a Nix store.</param>
internal sealed class ClientHost(string folder, ServerProcess server, IReadOnlyList<string>? entering = null, string mountName = "mnt") : IDisposable
{
    public string MountPoint { get; } = Directory.CreateDirectory(Path.Combine(folder, mountName)).FullName;

    public string CacheDirectory { get; init; } = Path.Combine(folder, "cache");

    public string Store => MountPoint + "/store";

    public string? Token { get; set; }

    public string StoreName { get; set; } = "main";

    /// <summary>Arguments that every mount gets besides, such as --tls-ca.</summary>
    public List<string> MountArguments { get; } = [];

    public CommandResult Run(params string[] arguments) => Command.Run(Program, Arguments(arguments), Environment);

    public Process Start(params string[] arguments) => Command.Start(Program, Arguments(arguments), Environment);

    public CommandResult TryMount() => Run(["mount", MountPoint, "--cache-dir", CacheDirectory, .. MountArguments]);

    public void Mount() => TryMount().Succeeded();

    public void Unmount() => Run("unmount", MountPoint).Succeeded();

    public void Push(RealStore store, params string[] paths) => Run(["push", "--from", store.Root, .. paths]).Succeeded();

    /// <summary>A program of the store, run where the mount is /nix.</summary>
    public CommandResult RunInside(string scratch, string program, params string[] arguments) => Command.Run("bwrap",
        ["--unshare-user", "--unshare-pid", "--clearenv", "--ro-bind", MountPoint, "/nix", "--proc", "/proc", "--dev", "/dev",
            "--bind", scratch, "/tmp", "--setenv", "HOME", "/tmp", "--chdir", "/tmp", program, .. arguments], environment: null);

    /// <summary>The words to put before a command, so that it runs on this host, in its network and where the mount is /nix.</summary>
    public IReadOnlyList<string> Launcher =>
    [
        .. entering ?? [], "bwrap", "--bind", "/", "/", "--dev-bind", "/dev", "/dev", "--ro-bind", MountPoint, "/nix",
    ];

    /// <summary>The real path of a store path within the mount.</summary>
    public string Real(string storePath) => MountPoint + storePath["/nix".Length..];

    public JsonElement Status()
    {
        JsonElement? status = null;

        // On a machine that is busy with other things a process may answer later than the command waits for it.
        Eventually.Holds("the client answers", () =>
        {
            using var document = JsonDocument.Parse(Run("status", "--json").Succeeded());
            status = document.RootElement.GetProperty("mounts").EnumerateArray()
                .Where(mount => mount.GetProperty("mountPoint").GetString() == MountPoint).Select(static mount => (JsonElement?)mount.Clone()).FirstOrDefault();
            return status is not null;
        });
        return status!.Value;
    }

    /// <summary>The process that serves the mount.</summary>
    public int WorkerPid => Status().GetProperty("workerPid").GetInt32();

    /// <summary>The process that holds it.</summary>
    public int SupervisorPid => Status().GetProperty("supervisorPid").GetInt32();

    /// <summary>Ends all processes of the mount at once, as the end of the machine would.</summary>
    public void KillDaemon()
    {
        var status = Status();
        string[] ids = [Id("workerPid"), Id("supervisorPid")];
        string Id(string name) => status.GetProperty(name).GetInt32().ToString(CultureInfo.InvariantCulture);

        // Neither may live to see the other's end.
        Command.Run("kill", ["-STOP", .. ids]).Succeeded();
        Command.Run("kill", ["-KILL", .. ids]).Succeeded();
        Eventually.Holds("the killed client is gone", () => !ids.Any(static id => Directory.Exists("/proc/" + id)));
    }

    public void Dispose()
    {
        string[] umount = [.. entering ?? [], "umount", "--lazy", MountPoint];
        if (IsMounted && Run("unmount", MountPoint).Status != 0)
        {
            Command.Run(umount[0], umount[1..]);
        }

        RemoveControlGroups();
    }

    // Those of a client that was killed go with its next start, which finds their names in its cells; here none comes.
    private void RemoveControlGroups()
    {
        string cells = Path.Combine(CacheDirectory, "builds");
        foreach (string cell in Directory.Exists(cells) ? Directory.GetDirectories(cells) : [])
        {
            string names = Path.Combine(cell, "cgroups");
            foreach (string group in File.Exists(names) ? File.ReadAllLines(names).Where(Directory.Exists) : [])
            {
                Eventually.Holds("nothing runs in the control group", () => Command.Run("rmdir", group).Status == 0 || !Directory.Exists(group));
            }
        }
    }

    /// <summary>Whether something is mounted there, as that host sees it.</summary>
    public bool IsMounted
    {
        get
        {
            string[] read = [.. entering ?? [], "cat", "/proc/self/mounts"];
            return Command.Run(read[0], read[1..]).Succeeded().Contains(' ' + MountPoint + ' ', StringComparison.Ordinal);
        }
    }

    private string Program => entering is null ? Programs.Nixfuse : entering[0];

    public IReadOnlyDictionary<string, string> Environment => Token is null
        ? new Dictionary<string, string> { ["NIXFUSE_SERVER"] = server.Url, ["NIXFUSE_STORE"] = StoreName }
        : new Dictionary<string, string> { ["NIXFUSE_SERVER"] = server.Url, ["NIXFUSE_STORE"] = StoreName, ["NIXFUSE_TOKEN"] = Token };

    private string[] Arguments(string[] arguments) =>
        entering is null ? arguments : [.. entering.Skip(1), Programs.Nixfuse, .. arguments];
}
