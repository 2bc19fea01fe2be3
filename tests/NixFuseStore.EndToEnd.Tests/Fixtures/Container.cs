using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace NixFuseStore.EndToEnd.Tests.Fixtures;

/// <summary>
/// A container as engines start it, by runc: a file system, process ids and a network of its own, where nothing but a mount of the host is
/// passed in, at /nix, read-only and following the host (<c>--volume MOUNT:/nix:ro,rslave</c>).
/// </summary>
internal sealed class Container : IDisposable
{
    private static int s_last;

    private readonly string _bundle;
    private readonly string _state;
    private readonly string _name = $"nixfuse-test-{Environment.ProcessId}-{Interlocked.Increment(ref s_last)}";

    /// <param name="folder">An empty folder, for the container's files.</param>
    /// <param name="mountPoint">What it sees as /nix.</param>
    /// <param name="command">What runs in it.</param>
    /// <param name="withHostPrograms">Whether it also has the host's programs, read-only, as an image would have its own.</param>
    public Container(string folder, string mountPoint, string[] command, bool withHostPrograms = false)
    {
        _bundle = folder;
        _state = Path.Combine(folder, "state");
        foreach (var directory in new[] { "nix", "tmp", "proc", "dev" })
        {
            Directory.CreateDirectory(Path.Combine(folder, "rootfs", directory));
        }

        Command.Run("runc", "spec", "--bundle", folder).Succeeded();
        var file = Path.Combine(folder, "config.json");
        var spec = JsonNode.Parse(File.ReadAllText(file))!;
        var process = spec["process"]!;
        process["terminal"] = false;
        process["args"] = ToArray(command);
        process["env"] = ToArray(["PATH=/usr/bin:/bin", "HOME=/tmp"]);
        spec["root"]!["readonly"] = false;
        var mounts = spec["mounts"]!.AsArray();
        foreach (var mount in mounts.Where(mount => (string?)mount!["destination"] is not ("/proc" or "/dev")).ToArray())
        {
            mounts.Remove(mount);
        }

        mounts.Add(Bind(mountPoint, "/nix", "rbind", "rslave", "ro"));
        foreach (var directory in withHostPrograms ? new[] { "/usr", "/bin", "/lib", "/lib64" } : [])
        {
            mounts.Add(Bind(directory, directory, "rbind", "ro"));
        }

        File.WriteAllText(file, spec.ToJsonString());
    }

    /// <summary>Where the container's /tmp lies on the host.</summary>
    public string Temporary => Path.Combine(_bundle, "rootfs", "tmp");

    /// <summary>Skips the test where containers cannot be run.</summary>
    public static void Require() => Programs.Require("runc");

    /// <summary>Runs it to its end.</summary>
    public CommandResult Run() => Command.Run("runc", RunArguments, environment: null);

    /// <summary>Starts it; the caller disposes the process, and this ends it.</summary>
    public Process Start() => Command.Start("runc", RunArguments);

    public void Dispose() => Command.Run("runc", "--root", _state, "delete", "--force", _name);

    private string[] RunArguments => ["--root", _state, "run", "--bundle", _bundle, _name];

    private static JsonObject Bind(string source, string destination, params string[] options) => new()
    {
        ["destination"] = destination, ["type"] = "bind", ["source"] = source, ["options"] = ToArray(options),
    };

    private static JsonArray ToArray(string[] values) => JsonSerializer.SerializeToNode(values)!.AsArray();
}
