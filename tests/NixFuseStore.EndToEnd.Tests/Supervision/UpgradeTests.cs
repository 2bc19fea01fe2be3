using System.Globalization;
using NixFuseStore.EndToEnd.Tests.Fixtures;

namespace NixFuseStore.EndToEnd.Tests.Supervision;

/// <summary>Another nixfuse takes over a mount that is in use.</summary>
public sealed class UpgradeTests : EndToEndTest
{
    private static readonly bool s_isLong = Environment.GetEnvironmentVariable("NIXFUSE_TEST_LONG") == "1";

    [Fact]
    public void Upgrades_UnderLoad_NoReaderSeesThem()
    {
        var seed = s_isLong ? Environment.TickCount : 3;
        var random = new Random(seed);
        var store = RealStore.Default;
        var host = NewClient(StartServer());
        host.Push(store, store.Package("python3"));
        host.Mount();
        var load = Own(new SupervisedMount(host, store, Directory.CreateDirectory(Path.Combine(Folder, "load")).FullName));
        var refusing = Script("refuses", "exit 3");
        var hanging = Script("hangs", "exec sleep 60");
        for (var i = 0; i < (s_isLong ? 100 : 4); i++)
        {
            Thread.Sleep(random.Next(100, 700));
            var (supervisor, worker) = (host.SupervisorPid, host.WorkerPid);
            if (i % 10 == 2)
            {
                var refused = host.Run("upgrade", host.MountPoint, "--program", refusing);
                Assert.Contains("stays with version", refused.FailedWithOneLine(), StringComparison.Ordinal);
                Assert.Equal((supervisor, worker), (host.SupervisorPid, host.WorkerPid));
            }
            else if (s_isLong && i == 50)
            {
                Assert.Contains("not ready in time", host.Run("upgrade", host.MountPoint, "--program", hanging).FailedWithOneLine(), StringComparison.Ordinal);
            }
            else
            {
                // Another file each time: the old one may be gone by then, as packages do it.
                var next = Path.Combine(Scratch, $"nixfuse-{i}");
                File.Copy(Programs.Nixfuse, next);
                File.SetUnixFileMode(next, UnixFileMode.UserRead | UnixFileMode.UserExecute);
                Assert.Contains(host.MountPoint + ": ", host.Run("upgrade", host.MountPoint, "--program", next).Succeeded(), StringComparison.Ordinal);
                File.Delete(Path.Combine(Scratch, $"nixfuse-{i - 1}"));
                Assert.NotEqual(worker, host.WorkerPid);
                Eventually.Holds("the supervisor is of the other version, too", () => ProgramOf(supervisor) == next && ProgramOf(host.WorkerPid) == next);
                Assert.Equal(supervisor, host.SupervisorPid);
            }
        }

        var stalls = load.Finish();
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}: {load.Acknowledged.Count} paths added, {load.Cut} additions cut; reads over 20 ms: {stalls.Length}, longest {stalls.LastOrDefault()} ms");

        // What was upgraded is as safe as before.
        var last = host.WorkerPid;
        SupervisedMount.Kill(last);
        Eventually.Holds("another worker serves", () => host.WorkerPid != last);
        host.Unmount();
    }

    private static string? ProgramOf(int process) => new FileInfo(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/exe")).LinkTarget;

    private string Script(string name, string line)
    {
        var file = Path.Combine(Scratch, name);
        File.WriteAllText(file, "#!/bin/sh\n" + line + "\n");
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        return file;
    }
}
