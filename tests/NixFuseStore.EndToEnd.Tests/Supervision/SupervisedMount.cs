using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using NixFuseStore.EndToEnd.Tests.Fixtures;

namespace NixFuseStore.EndToEnd.Tests.Supervision;

/// <summary>
/// A mount under load: a reader in a container, whose program and files are all of the mount, compares every byte, while stock Nix adds paths
/// through the mount's socket.
/// </summary>
internal sealed class SupervisedMount : IDisposable
{
    private readonly ClientHost _host;
    private readonly Container _container;
    private readonly Process _reader;
    private readonly Task _adding;
    private readonly string _scratch;
    private volatile bool _stopped;

    /// <param name="host">Mounted.</param>
    /// <param name="store">Whose python3 was pushed.</param>
    /// <param name="folder">An empty folder.</param>
    public SupervisedMount(ClientHost host, RealStore store, string folder)
    {
        _host = host;
        _scratch = Directory.CreateDirectory(folder + "/scratch").FullName;
        var python = store.Package("python3");
        _container = new Container(
            Directory.CreateDirectory(folder + "/container").FullName,
            host.MountPoint,
            [python + "/bin/python3", "/tmp/reader.py", "/nix/store", "/tmp/reference.json", "/tmp/stop"]);
        File.Copy(Path.Combine(Programs.Repository, "tests/NixFuseStore.EndToEnd.Tests/Supervision/reader.py"), _container.Temporary + "/reader.py");
        File.WriteAllText(_container.Temporary + "/reference.json", Reference(store, store.Closure(python)));
        _reader = _container.Start();
        _adding = Task.Run(Add);
    }

    /// <summary>Paths that Nix was told are added, with their content.</summary>
    public Dictionary<string, string> Acknowledged { get; } = [];

    /// <summary>Additions that Nix reported to have failed: the connection was cut.</summary>
    public int Cut { get; private set; }

    public bool IsReading => !_reader.HasExited;

    /// <summary>The process that serves the mount, by what the kernel knows; 0 where there is none at the moment.</summary>
    public static int WorkerOf(int supervisor)
    {
        try
        {
            return Directory.GetDirectories(string.Create(CultureInfo.InvariantCulture, $"/proc/{supervisor}/task"))
                .SelectMany(static task => File.ReadAllText(task + "/children").Split(' ', StringSplitOptions.RemoveEmptyEntries))
                .Select(static id => int.Parse(id, CultureInfo.InvariantCulture)).Where(IsAlive).FirstOrDefault();
        }
        catch (IOException)
        {
            return 0;
        }
    }

    public static void Kill(int process) => Command.Run("kill", "-KILL", process.ToString(CultureInfo.InvariantCulture));

    /// <summary>Ends the load. The reader's stalls in milliseconds, shortest first; fails where it saw an error or a wrong byte, or an acknowledged path is not there.</summary>
    public int[] Finish()
    {
        _stopped = true;
        File.WriteAllText(_container.Temporary + "/stop", "");
        var output = _reader.StandardOutput.ReadToEnd();
        var errors = _reader.StandardError.ReadToEnd();
        _reader.WaitForExit();
        Assert.True(_reader.ExitCode == 0, $"the reader failed with status {_reader.ExitCode}: {errors}");
        _adding.GetAwaiter().GetResult();
        foreach (var (path, content) in Acknowledged)
        {
            Eventually.Holds($"{path} is there", () => File.Exists(_host.Real(path)));
            Assert.Equal(content, File.ReadAllText(_host.Real(path)));
        }

        using var report = JsonDocument.Parse(output);
        return [.. report.RootElement.GetProperty("stalls").EnumerateArray().Select(static stall => stall.GetInt32())];
    }

    public void Dispose()
    {
        _stopped = true;
        _container.Dispose();
        _reader.Dispose();
        _adding.ContinueWith(static _ => { }, TaskScheduler.Default).Wait(TimeSpan.FromSeconds(60));
    }

    private static bool IsAlive(int process)
    {
        try
        {
            return !File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/stat")).Contains(") Z ", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return false;
        }
    }

    private void Add()
    {
        for (var i = 0; !_stopped; i++)
        {
            var content = $"{i} {Guid.NewGuid()}";
            var file = Path.Combine(_scratch, "added");
            File.WriteAllText(file, content);
            var added = Command.Run("nix-store", ["--add", file], new Dictionary<string, string> { ["NIX_REMOTE"] = "unix://" + _host.MountPoint + "/var/nix/daemon-socket/socket" });
            if (added.Status == 0)
            {
                Acknowledged.Add(added.Lines()[^1], content);
            }
            else
            {
                Cut++;
            }
        }
    }

    private static string Reference(RealStore store, IReadOnlyList<string> closure)
    {
        var files = new Dictionary<string, string>();
        foreach (var path in closure)
        {
            var root = store.Root + path;
            var entries = Directory.Exists(root) && new FileInfo(root).LinkTarget is null
                ? new DirectoryInfo(root).EnumerateFileSystemInfos("*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 })
                : [new FileInfo(root)];
            foreach (var entry in entries)
            {
                if (entry.LinkTarget is { } target)
                {
                    files[Relative(entry)] = Hash(System.Text.Encoding.UTF8.GetBytes(target));
                }
                else if (entry is FileInfo)
                {
                    files[Relative(entry)] = Hash(File.ReadAllBytes(entry.FullName));
                }
            }
        }

        return JsonSerializer.Serialize(new { paths = closure.Select(Path.GetFileName), files });

        string Relative(FileSystemInfo entry) => Path.GetRelativePath(store.StoreFolder, entry.FullName);
        static string Hash(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
    }
}
