using NixFuseStore.EndToEnd.Tests.Fixtures;

namespace NixFuseStore.EndToEnd.Tests;

/// <summary><c>nixfuse mount --trace</c> shows in the log what the kernel and Nix ask for, and what they are told.</summary>
public sealed class TraceTests : EndToEndTest
{
    [Fact]
    public void Trace_ShowsRequestsOfTheKernelAndOfNix()
    {
        var server = StartServer();
        var client = NewClient(server);
        client.MountArguments.Add("--trace");
        client.Mount();

        Assert.False(Directory.Exists(client.Store + "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-absent"));
        Command.Run("nix-store", ["--store", $"unix://{client.MountPoint}/var/nix/daemon-socket/socket", "--check-validity", "/nix/store/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-absent"], environment: null);

        var log = Path.Combine(client.CacheDirectory, "mount.log");
        Eventually.Within(TimeSpan.FromSeconds(60), "a trace of both", () => File.ReadAllText(log) is var text
            && text.Contains("LOOKUP node", StringComparison.Ordinal)
            && text.Contains("\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-absent\"", StringComparison.Ordinal)
            && text.Contains("< daemon 1 ", StringComparison.Ordinal));
    }
}
