using System.Globalization;
using NixFuseStore.EndToEnd.Tests.Fixtures;

namespace NixFuseStore.EndToEnd.Tests.Builds;

/// <summary>The same again and again: what goes wrong once in many times does so here.</summary>
public sealed class FleetRoundTests : FleetTest
{
    private readonly ServerProcess _server;

    public FleetRoundTests()
    {
        _server = StartServer();
        PushTools(_server);
    }

    /// <summary>
    /// Three hosts ask for two outputs that no other execution makes again. In every third round the owner's mount is killed, while the builder
    /// runs or while its outputs are registered.
    /// </summary>
    [Fact]
    public async Task TwoOutputs_AskedFromSeveralHosts_AreOfOneExecution()
    {
        var random = new Random(IsLong ? Environment.TickCount : 1);
        var hosts = Enumerable.Range(0, 3).Select(i => Mount(_server, Name(i))).ToArray();
        for (var round = 0; round < (IsLong ? 100 : 3); round++)
        {
            string[] seconds = ["--argstr", "seconds", string.Create(CultureInfo.InvariantCulture, $"1.{round}")];
            var kills = round % 3 == 1;
            var first = BuildAsync(hosts[0], "timed", seconds);
            if (kills)
            {
                WaitForState(hosts[0], "running", first);
            }

            var others = hosts.Skip(1).Select(host => BuildAsync(host, "timed", seconds)).ToArray();
            if (kills)
            {
                await Task.Delay(random.Next(0, 2500), Cancellation);
                hosts[0].KillDaemon();
                await first;
                Command.Run("umount", "--lazy", hosts[0].MountPoint);
                hosts[0].Mount();
            }

            var results = await Task.WhenAll(others);
            var number = AssertOneExecution(hosts[1], results[0], "timed", seconds);
            Assert.Equal(number, AssertOneExecution(hosts[2], results[1], "timed", seconds));
            if (!kills)
            {
                Assert.Equal(number, AssertOneExecution(hosts[0], await first, "timed", seconds));
            }

            // Who came when it was built heard nothing. Of a killed owner more may have been heard than was registered.
            Assert.All(results, result => Assert.True(kills || Printed(result, "timed is ") is [] || Printed(result, "timed is ").SequenceEqual(["timed is " + number]), $"round {round}: {result.Errors}"));
        }

        AssertNothingLeft(hosts);
        string Name(int i) => string.Create(CultureInfo.InvariantCulture, $"host-{i}");
    }

    /// <summary>Eight steps at once over four slots: users of builds are told apart, and no build ends the processes of another.</summary>
    [Fact]
    public async Task EightBuilds_OverFourSlots_EachEndsWell()
    {
        var host = Mount(_server, "host", "--max-jobs", "4");
        for (var round = 0; round < (IsLong ? 200 : 3); round++)
        {
            var salt = string.Create(CultureInfo.InvariantCulture, $"{Salt}-{round}");
            var result = await Task.Run(() => Store(host, salt).Build("fellowship", "--arg", "count", "8"), Cancellation);

            result.Succeeded();
            for (var i = 0; i < 8; i++)
            {
                var name = string.Create(CultureInfo.InvariantCulture, $"fellow {i} prints ");
                Assert.Equal(["1", "2", "3"], Printed(result, name).Select(line => line[name.Length..]));
            }

            BuilderProcesses.AssertGone(salt);
        }

        AssertNothingLeft(host);
    }
}
