using System.Globalization;
using NixFuseStore.EndToEnd.Tests.Fixtures;

namespace NixFuseStore.EndToEnd.Tests.Supervision;

/// <summary>A mount outlives the processes that serve and hold it.</summary>
public sealed class SupervisorTests : EndToEndTest
{
    private static readonly bool s_isLong = Environment.GetEnvironmentVariable("NIXFUSE_TEST_LONG") == "1";

    /// <summary>Every tenth kill is followed by that of the replacement, before it has answered anything.</summary>
    [Fact]
    public void WorkersKilled_ReadersSeeNoError_AndNothingAcknowledgedIsLost()
    {
        var seed = s_isLong ? Environment.TickCount : 1;
        var random = new Random(seed);
        var (host, load) = MountUnderLoad();
        var supervisor = host.SupervisorPid;
        for (var kill = 0; kill < (s_isLong ? 1000 : 12); kill++)
        {
            Thread.Sleep(random.Next(100, 700));
            var worker = Worker(supervisor, after: 0);
            SupervisedMount.Kill(worker);
            if (kill % 10 == 9)
            {
                worker = Worker(supervisor, after: worker);
                Thread.Sleep(random.Next(0, 30));
                SupervisedMount.Kill(worker);
                kill++;
            }

            Assert.True(load.IsReading, "the reader has ended");
        }

        Report($"seed {seed}: worker kills", load.Finish(), load);
        Assert.Equal(supervisor, host.SupervisorPid);
        Assert.True(host.Status().GetProperty("restarts").GetInt32() >= 12);
        AssertEnds(host);
    }

    [Fact]
    public void SupervisorsKilled_TheWorkerGoesOn_AndStartsAnother()
    {
        var seed = s_isLong ? Environment.TickCount : 2;
        var random = new Random(seed);
        var (host, load) = MountUnderLoad();
        for (var kill = 0; kill < (s_isLong ? 100 : 4); kill++)
        {
            Thread.Sleep(random.Next(50, 500));
            var (supervisor, worker) = (host.SupervisorPid, host.WorkerPid);
            SupervisedMount.Kill(supervisor);
            Eventually.Holds("another supervisor has the mount", () => host.SupervisorPid != supervisor);
            Assert.Equal(worker, host.WorkerPid);

            // The new one is one: it replaces a worker that is none of its children.
            if (kill % 2 == 1)
            {
                SupervisedMount.Kill(worker);
                Eventually.Holds("another worker serves", () => host.WorkerPid != worker);
            }
        }

        Report($"seed {seed}: supervisor kills", load.Finish(), load);
        AssertEnds(host);
    }

    [Fact]
    public void WorkersThatServeNothing_AreGivenUp_AndReadersGetAnError()
    {
        var host = NewClient(StartServer());
        host.Mount();
        var supervisor = host.SupervisorPid;
        var worker = host.WorkerPid;
        SupervisedMount.Kill(worker);
        for (var i = 0; i < 5; i++)
        {
            worker = Worker(supervisor, after: worker);
            SupervisedMount.Kill(worker);
        }

        Eventually.Holds("readers get an error", () => Command.Run("timeout", "20", "ls", host.Store + "/x").Errors.Contains("Input/output error", StringComparison.Ordinal));
        Assert.Contains("everything there is answered with an error", File.ReadAllText(host.CacheDirectory + "/mount.log"), StringComparison.Ordinal);
        host.Unmount();
        Eventually.Holds("the supervisor has ended", () => !Directory.Exists(Process(supervisor)));

        // And all is well again.
        host.Mount();
        AssertEnds(host);
    }

    /// <summary>A worker that is stopped answers nothing, and is ended and replaced.</summary>
    [Fact]
    public void WorkerThatHangs_IsReplaced()
    {
        var store = RealStore.Default;
        var server = StartServer();
        var host = NewClient(server, mountName: "nix");
        var bash = store.Package("bash");
        host.Push(store, bash);
        host.Mount();
        var worker = host.WorkerPid;
        Command.Run("kill", "-STOP", worker.ToString(CultureInfo.InvariantCulture)).Succeeded();

        store.AssertSameContentIn(Path.GetDirectoryName(host.MountPoint)!, [bash]);

        Assert.NotEqual(worker, host.WorkerPid);
        AssertEnds(host);
    }

    [Fact]
    public void Terminated_EitherProcessEndsTheMount()
    {
        var host = NewClient(StartServer());
        foreach (var name in new[] { "supervisorPid", "workerPid" })
        {
            host.Mount();
            int[] processes = [host.SupervisorPid, host.WorkerPid];
            Command.Run("kill", "-TERM", host.Status().GetProperty(name).GetInt32().ToString(CultureInfo.InvariantCulture)).Succeeded();
            Eventually.Holds("both have ended", () => !processes.Any(static process => Directory.Exists(Process(process))));
            Assert.False(host.IsMounted);
        }
    }

    private static string Process(int id) => string.Create(CultureInfo.InvariantCulture, $"/proc/{id}");

    private static int Worker(int supervisor, int after)
    {
        var worker = 0;
        Eventually.Holds("there is a worker", () => (worker = SupervisedMount.WorkerOf(supervisor)) != 0 && worker != after);
        return worker;
    }

    private static void AssertEnds(ClientHost host)
    {
        int[] processes = [host.SupervisorPid, host.WorkerPid];
        host.Unmount();
        Eventually.Holds("both have ended", () => !processes.Any(static process => Directory.Exists(Process(process))));
    }

    private static void Report(string what, int[] stalls, SupervisedMount load)
    {
        string At(double share) => stalls.Length == 0 ? "0" : stalls[Math.Min(stalls.Length - 1, (int)(stalls.Length * share))].ToString(CultureInfo.InvariantCulture);
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{what}: {load.Acknowledged.Count} paths added, {load.Cut} additions cut; reads over 20 ms: {stalls.Length}, median {At(0.5)}, 90 % {At(0.9)}, 99 % {At(0.99)}, longest {At(1)} ms");
    }

    private (ClientHost Host, SupervisedMount Load) MountUnderLoad()
    {
        Container.Require();
        Programs.Require("nix-store");
        var store = RealStore.Default;
        var host = NewClient(StartServer());
        host.Push(store, store.Package("python3"));
        host.Mount();
        return (host, Own(new SupervisedMount(host, store, Directory.CreateDirectory(Path.Combine(Folder, "load")).FullName)));
    }
}
