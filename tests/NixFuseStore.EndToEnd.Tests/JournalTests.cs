using System.Globalization;
using NixFuseStore.EndToEnd.Tests.Fixtures;
using NixFuseStore.Testing.Faults;

namespace NixFuseStore.EndToEnd.Tests;

/// <summary>What a mount has acknowledged becomes valid, whatever happens to its process, its disk or its server.</summary>
public sealed class JournalTests : EndToEndTest
{
    private int _files;

    [Fact]
    public void Unmount_WithTheServerAway_SaysWhatWaitsAndTheNextMountRegistersIt()
    {
        var server = StartServer();
        var here = NixHost(server, "here");
        server.Kill();
        var paths = AddAll(here, 20);
        Assert.Equal(20, here.Status().GetProperty("adding").GetProperty("waiting").GetInt32());

        var said = here.Run("unmount", here.MountPoint).Succeeded();

        Assert.Contains("20 added paths are not registered", said, StringComparison.Ordinal);
        server.Start();
        here.Mount();
        AssertValid(server, paths);
    }

    [Fact]
    public async Task Acknowledged_TheClientIsKilledAgainAndAgain_AllIsThere()
    {
        var server = StartServer();
        var here = NixHost(server, "here");
        var paths = new List<string>();
        for (var round = 0; round < 5; round++)
        {
            using var stop = new CancellationTokenSource();
            var first = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var adding = Task.Run(() =>
            {
                var added = new List<string>();
                while (!stop.IsCancellationRequested && TryAdd(here) is { } path)
                {
                    added.Add(path);
                    first.TrySetResult();
                }

                return added;
            }, TestContext.Current.CancellationToken);
            await Task.WhenAny(first.Task, adding);
            await Task.Delay(TimeSpan.FromSeconds(0.5 + (0.37 * round)), TestContext.Current.CancellationToken); // somewhere in the middle of an addition
            here.KillDaemon();
            await stop.CancelAsync();
            var acknowledged = await adding;
            Assert.NotEmpty(acknowledged);
            paths.AddRange(acknowledged);
            Command.Run("umount", "--lazy", here.MountPoint);
            here.Mount();
        }

        AssertValid(server, paths);
    }

    [Fact]
    public void Acknowledged_FlushesFail_TheServerAnswersInstead()
    {
        Assert.SkipWhen(SystemCallFaults.WhyMissing is not null, SystemCallFaults.WhyMissing ?? "");
        var server = StartServer();
        var here = NixHost(server, "here");
        var process = here.Status().GetProperty("workerPid").GetInt32();
        List<string> paths;
        using (SystemCallFaults.Attach(process, SystemCallFault.Fails("fsync,fdatasync", "EIO", CallRange.Every)))
        {
            paths = AddAll(here, 5);
            here.KillDaemon();
        }

        // Nothing was in the journal that anything depends on.
        AssertValid(server, paths);
    }

    [Fact]
    public void Acknowledged_OneByteOfTheJournalIsFlipped_TheOthersAreRegistered()
    {
        var server = StartServer();
        var here = NixHost(server, "here");
        server.Kill();
        var paths = AddAll(here, 20);
        here.Run("unmount", here.MountPoint).Succeeded();
        var segment = Segment(here);
        var bytes = File.ReadAllBytes(segment);
        bytes[bytes.Length / 4] ^= 1;
        File.WriteAllBytes(segment, bytes);
        server.Start();

        here.Mount();

        var there = NixHost(server, "there");
        Eventually.Holds("the others are registered", () => paths.Count(path => File.Exists(there.Real(path))) == 19);
    }

    private ClientHost NixHost(ServerProcess server, string name)
    {
        var host = NewClient(server, name, mountName: "nix");
        host.Mount();
        return host;
    }

    private List<string> AddAll(ClientHost host, int count) => [.. Enumerable.Range(0, count).Select(_ =>
    {
        var path = TryAdd(host);
        Assert.NotNull(path);
        return path;
    })];

    // Each time another small file; null where the client was told that it failed.
    private string? TryAdd(ClientHost host)
    {
        var file = Path.Combine(Scratch, $"file-{Interlocked.Increment(ref _files)}");
        File.WriteAllText(file, string.Create(CultureInfo.InvariantCulture, $"content {_files}\n"));
        var root = Path.GetDirectoryName(host.MountPoint);
        var added = Command.Run("nix-store", "--store", $"unix://{host.MountPoint}/var/nix/daemon-socket/socket?root={root}", "--add", file);
        return added.Status == 0 ? added.Output.Trim() : null;
    }

    private static string Segment(ClientHost host) =>
        Directory.EnumerateFiles(Path.Combine(host.CacheDirectory, "journal"), "*.log", SearchOption.AllDirectories).Order(StringComparer.Ordinal).First();

    private void AssertValid(ServerProcess server, IReadOnlyCollection<string> paths)
    {
        var there = NixHost(server, "there");
        Eventually.Holds("all that was acknowledged is registered", () => paths.All(path => File.Exists(there.Real(path))));
    }
}
