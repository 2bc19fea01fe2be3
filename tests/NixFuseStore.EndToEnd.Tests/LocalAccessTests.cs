using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using NixFuseStore.EndToEnd.Tests.Fixtures;

namespace NixFuseStore.EndToEnd.Tests;

/// <summary>
/// Another user of the host, and root of a container, at a mount's local doors: control socket, daemon socket, cache, run directory, /tmp,
/// links. Root of the host goes through the same doors, so that a refusal is not merely a mistake of the attempt.
/// </summary>
public sealed class LocalAccessTests(ITestOutputHelper output) : EndToEndTest
{
    private const string Stranger = "65533";
    private const string Victim = "65532";

    private static readonly string[] Forgeries = ["add-unsigned", "permanent-root", "build-log", "realisation", "repair"];

    private readonly StringBuilder _table = new();
    private int _succeeded;

    [Fact]
    public void AnotherUser_GetsNothingThatTheOwnerDoesNotGive()
    {
        var client = MountAsRoot();
        var control = ControlSocket(client);
        var daemon = client.MountPoint + "/var/nix/daemon-socket/socket";

        // 1. The control socket: status is for everyone, the rest is not.
        Assert.Contains(client.MountPoint, As(Stranger, Programs.Nixfuse, "status").Succeeded(), StringComparison.Ordinal);
        Attempt("unmount", As(Stranger, Programs.Nixfuse, "unmount", client.MountPoint), "only root and the user who mounted");
        Attempt("unmount --lazy", As(Stranger, Programs.Nixfuse, "unmount", "--lazy", client.MountPoint), "only root and the user who mounted");
        Attempt("verify --repair", As(Stranger, Programs.Nixfuse, "verify", "--repair", "--cache-dir", client.CacheDirectory), "only root and the user who mounted");
        Attempt("prefetch", As(Stranger, Programs.Nixfuse, "prefetch", "--cache-dir", client.CacheDirectory, new string('0', 32) + "-x"), "only root and the user who mounted");
        Attempt("a request of 64 MiB", As(Stranger, DoorClient.Words("flood", control, "67108864")), "refused after");
        using (var holder = Start(Stranger, DoorClient.Words("hold", control, "64")))
        {
            Assert.StartsWith("holding", holder.StandardOutput.ReadLine(), StringComparison.Ordinal);
            var shown = client.Run("status").Succeeded();
            Attempt("64 connections to keep the owner out", shown.Contains(client.MountPoint, StringComparison.Ordinal), "the owner is answered");
            holder.StandardInput.Close();
            holder.WaitForExit();
        }

        // 2. The daemon socket: what proves itself may be added, nothing else.
        As(Stranger, DoorClient.Words("daemon", daemon, "add-text", "a text")).Succeeded();
        Attempt("to be a trusted Nix user", As(Stranger, DoorClient.Words("daemon", daemon, "trust")), "not trusted");
        foreach (var forgery in Forgeries)
        {
            Attempt(forgery, As(Stranger, DoorClient.Words("daemon", daemon, forgery, "stranger")), "refused");
        }

        // 3. Files: the cache, the log, the run directory, the mount itself.
        Attempt("to read the log", As(Stranger, "cat", client.CacheDirectory + "/mount.log"), "Permission denied");
        Attempt("to list the cache", As(Stranger, "ls", client.CacheDirectory), "Permission denied");
        Attempt("to put a socket beside the control socket", As(Stranger, "touch", Path.GetDirectoryName(control) + "/1-0.sock"), "Permission denied");
        Attempt("to remove the control socket", As(Stranger, "rm", "-f", control), "Permission denied");
        Attempt("to write into the mount", As(Stranger, "touch", client.MountPoint + "/store/x"), "Read-only file system");
        Attempt("to remove the daemon socket", As(Stranger, "rm", "-f", daemon), "Read-only file system");
        Attempt("to look into the process", As(Stranger, "ls", "-l", $"/proc/{client.Status().GetProperty("workerPid").GetInt32()}/fd"), "Permission denied");

        AssertStillServed(client);
        Finish("another user");
    }

    [Fact]
    public void RootOfAContainer_IsNoTrustedNixUser_UnlessTheSettingsNameIt()
    {
        Container.Require();
        var client = MountAsRoot();
        var socket = client.MountPoint + "/var/nix/daemon-socket/socket";
        string[][] containers =
        [
            ["unshare", "--pid", "--fork", "--mount-proc"],
            ["unshare", "--user", "--map-root-user"],
            ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"],
        ];
        foreach (var container in containers)
        {
            var name = string.Join(' ', container[1..]);
            Run(container, DoorClient.Words("daemon", socket, "add-text", "a text of " + name)).Succeeded();
            Attempt($"{name}: to be a trusted Nix user", Run(container, DoorClient.Words("daemon", socket, "trust")), "not trusted");
            foreach (var forgery in Forgeries)
            {
                Attempt($"{name}: {forgery}", Run(container, DoorClient.Words("daemon", socket, forgery, name)), "refused");
            }
        }

        foreach (var (operation, expected) in (IEnumerable<(string, string)>)[("trust", "not trusted"), .. Forgeries.Select(static forgery => (forgery, "refused"))])
        {
            using var engine = new Container(
                Directory.CreateDirectory(Path.Combine(Folder, "container-" + operation)).FullName,
                client.MountPoint,
                DoorClient.Words("daemon", "/nix/var/nix/daemon-socket/socket", operation, "runc"),
                withHostPrograms: true);
            Attempt($"runc: {operation}", engine.Run(), expected);
        }

        // A process of the host that hands its connection to a container stays the one that connected; one that has ended is no one.
        AssertStillServed(client);
        client.Unmount();
        client.MountArguments.AddRange(["--trusted", "containers"]);
        client.Mount();
        Assert.Equal("trusted", Run(containers[0], DoorClient.Words("daemon", socket, "trust")).Succeeded().Trim());
        Run(containers[0], DoorClient.Words("daemon", socket, "add-unsigned", "named")).Succeeded();
        Assert.Equal(1, As(Stranger, DoorClient.Words("daemon", socket, "trust")).Status);
        Finish("root of a container");
    }

    [Fact]
    public void FalseControlSockets_AreNotBelieved_AndLinksNotFollowed()
    {
        var client = MountAsRoot();
        var status = JsonSerializer.Serialize(new { status = client.Status() }).Replace(client.CacheDirectory, "/false", StringComparison.Ordinal);
        var runtime = $"/run/user/{Stranger}";
        var existed = Directory.Exists("/run/user");
        Directory.CreateDirectory(runtime);
        var precious = Directory.CreateDirectory(Path.Combine(Folder, "precious")).FullName;
        File.WriteAllText(precious + "/file.sock", "precious");
        var processes = new List<Process>();
        try
        {
            // 1. In the stranger's runtime directory, which root looked into once; with files that are not its own behind a link.
            Command.Run("chown", Stranger, runtime).Succeeded();
            processes.Add(Impostor(Stranger, $"{runtime}/nixfuse/control/1-00000000.sock", "answer", status));
            processes.Add(Impostor(Stranger, $"{runtime}/nixfuse/1-00000000.sock", "answer", status));
            processes.Add(Impostor(Stranger, $"{runtime}/nixfuse/control/2-00000000.sock", "endless", "x"));
            As(Stranger, "ln", "-s", precious, $"{runtime}/nixfuse/link").Succeeded();
            var shown = client.Run("status", "--json").Succeeded();
            Attempt("root's status shows a mount of a false socket", !shown.Contains("/false", StringComparison.Ordinal), "only the real one is shown");
            Attempt("root's status reads an endless line", shown.Length < 100_000, "it is not asked");
            Attempt("root's status deletes behind a link", File.ReadAllText(precious + "/file.sock") == "precious", "the file is there");
            Assert.DoesNotContain("/false", client.Run("daemon-config", client.MountPoint).Succeeded(), StringComparison.Ordinal);

            // 2. At the place that another user without a runtime directory would use.
            var trap = $"/tmp/nixfuse-{Victim}";
            processes.Add(Impostor(Stranger, trap + "/control/1-00000000.sock", "answer", status));
            var seen = As(Victim, "env", "-u", "XDG_RUNTIME_DIR", Programs.Nixfuse, "status", "--json").Succeeded();
            Attempt("a user's status shows a mount of another's socket below /tmp", !seen.Contains("/false", StringComparison.Ordinal), "it is not asked");
            Directory.Delete(trap, recursive: true);
            As(Stranger, "ln", "-s", precious, trap).Succeeded();
            As(Victim, "env", "-u", "XDG_RUNTIME_DIR", Programs.Nixfuse, "status").Succeeded();
            Attempt("a user's status follows a link below /tmp", Directory.GetFiles(precious).Length == 1, "nothing is made or deleted there");
            File.Delete(trap);

            // 3. And root's unmount ends the real mount, whatever an impostor says.
            client.Unmount();
            Attempt("root's unmount is answered by an impostor", !client.IsMounted, "the mount is gone");
        }
        finally
        {
            foreach (var process in processes)
            {
                process.Kill(entireProcessTree: true);
                process.WaitForExit();
                process.Dispose();
            }

            Directory.Delete(runtime, recursive: true);
            if (!existed)
            {
                Directory.Delete("/run/user");
            }
        }

        Finish("false sockets");
    }

    [Fact]
    public void PermanentRoot_OfRoot_IsNotReplacedByATrustedUser()
    {
        var client = MountAsRoot("--trusted", Stranger);
        var socket = client.MountPoint + "/var/nix/daemon-socket/socket";
        Command.Run("/usr/bin/env", DoorClient.Words("daemon", socket, "permanent-root", "/nix/var/nix/gcroots/kept")).Succeeded();

        var refused = As(Stranger, DoorClient.Words("daemon", socket, "permanent-root", "/nix/var/nix/gcroots/kept"));

        Assert.Contains("belongs to another user", refused.Errors, StringComparison.Ordinal);
        As(Stranger, DoorClient.Words("daemon", socket, "permanent-root", "/nix/var/nix/gcroots/strangers")).Succeeded();
        Command.Run("/usr/bin/env", DoorClient.Words("daemon", socket, "permanent-root", "/nix/var/nix/gcroots/kept")).Succeeded();
    }

    [Fact]
    public void Mount_WhoseTokenMayOnlyRead_TrustsNoClient()
    {
        var server = StartServer();
        var client = NewClient(server, mountName: "nix");
        client.Token = server.CreateToken("read");
        client.Mount();

        Assert.Equal(1, Command.Run("/usr/bin/env", DoorClient.Words("daemon", client.MountPoint + "/var/nix/daemon-socket/socket", "trust")).Status);
    }

    private ClientHost MountAsRoot(params string[] arguments)
    {
        var client = NewClient(StartServer(), mountName: "nix");
        OpenTo(client.MountPoint);
        client.MountArguments.AddRange(arguments);
        client.Mount();

        // The owner's way through each door.
        var socket = client.MountPoint + "/var/nix/daemon-socket/socket";
        Assert.Equal("trusted", Command.Run("/usr/bin/env", DoorClient.Words("daemon", socket, "trust")).Succeeded().Trim());
        foreach (var forgery in Forgeries)
        {
            Command.Run("/usr/bin/env", DoorClient.Words("daemon", socket, forgery, "owner")).Succeeded();
        }

        return client;
    }

    // Other users come as far as the mount: the folders of tests are their maker's alone.
    private void OpenTo(string path)
    {
        for (var folder = path; folder.Length >= Folder.Length; folder = Path.GetDirectoryName(folder)!)
        {
            File.SetUnixFileMode(folder, File.GetUnixFileMode(folder) | UnixFileMode.OtherExecute | UnixFileMode.OtherRead | UnixFileMode.GroupExecute | UnixFileMode.GroupRead);
        }
    }

    private static void AssertStillServed(ClientHost client)
    {
        Assert.True(client.IsMounted);
        Assert.True(client.Status().GetProperty("connected").GetBoolean());
        Assert.True(client.Status().GetProperty("residentBytes").GetInt64() < 600L << 20);
        Assert.Equal("trusted", Command.Run("/usr/bin/env", DoorClient.Words("daemon", client.MountPoint + "/var/nix/daemon-socket/socket", "trust")).Succeeded().Trim());
        var names = Directory.EnumerateFileSystemEntries(client.Store).Select(Path.GetFileName).ToArray();
        Assert.Single(names, static name => name!.EndsWith("-forged", StringComparison.Ordinal));
    }

    private static string ControlSocket(ClientHost client)
    {
        var process = client.Status().GetProperty("workerPid").GetInt32().ToString(CultureInfo.InvariantCulture);
        return Directory.GetFiles("/run/nixfuse/control", process + "-*.sock").Single();
    }

    private static CommandResult As(string user, params string[] command) => Run([.. Becoming(user)], command);

    private static Process Start(string user, string[] command)
    {
        string[] words = [.. Becoming(user), .. command];
        return Command.Start(words[0], words[1..], withInput: true);
    }

    private static Process Impostor(string user, string socket, string manner, string answer)
    {
        var process = Start(user, DoorClient.Words("impostor", socket, manner, answer));
        Assert.Equal("ready", process.StandardOutput.ReadLine());
        return process;
    }

    private static CommandResult Run(string[] entering, string[] command)
    {
        string[] words = [.. entering, .. command];
        return Command.Run(words[0], words[1..]);
    }

    private static string[] Becoming(string user) => ["setpriv", "--reuid", user, "--regid", user, "--clear-groups", "env", "HOME=/nonexistent"];

    private void Attempt(string what, CommandResult result, string refusal)
    {
        var said = (result.Errors + result.Output).Trim();
        Attempt(what, result.Status != 0 && said.Contains(refusal, StringComparison.Ordinal), said.Split('\n')[^1]);
    }

    private void Attempt(string what, bool failed, string outcome)
    {
        _succeeded += failed ? 0 : 1;
        _table.AppendLine(CultureInfo.InvariantCulture, $"| {what} | {(failed ? "refused" : "SUCCEEDED")} | {outcome} |");
    }

    private void Finish(string who)
    {
        output.WriteLine($"{who}:\n| attempt | outcome | what was said |\n|---|---|---|\n{_table}");
        Assert.True(_succeeded == 0, $"{who}: {_succeeded} attempts were not refused as expected\n{_table}");
    }
}
