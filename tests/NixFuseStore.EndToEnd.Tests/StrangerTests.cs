#pragma warning disable CA1416 // Linux only
using System.Globalization;
using NixFuseStore.EndToEnd.Tests.Fixtures;

namespace NixFuseStore.EndToEnd.Tests;

/// <summary>What another user of the server's host tries, before the first token was made: nothing of it succeeds, and all of it does for root.</summary>
public sealed class StrangerTests : EndToEndTest
{
    private const string Stranger = "12345";

    [Fact]
    public void OtherUser_ReachesNothingOfTheServer()
    {
        Programs.Require("setpriv");
        Programs.Require("curl");

        // 1. A server whose files lie in a directory that everyone may enter, with all that it makes left to the umask.
        File.SetUnixFileMode(Folder, (UnixFileMode)0b111_101_101);
        var open = Directory.CreateDirectory(Folder + "/open").FullName;
        var (database, packs) = (open + "/x.db", open + "/data/packs");
        var server = Own(new ServerProcess(open + "/data", metadata: "sqlite:" + database)).Start();
        var path = RealStore.Default.PathsBySize()[0];
        NewClient(server).Push(RealStore.Default, path);
        var pack = Directory.EnumerateFiles(packs, "*", SearchOption.AllDirectories).First();
        var hash = Path.GetFileName(path)[..32];
        string[] grpc = ["--http2-prior-knowledge", "-X", "POST", "-H", "content-type: application/grpc", "-H", "te: trailers"];

        // 2. Each attempt by name, as a command that succeeds only where it gets what it wants.
        var attempts = new Dictionary<string, string[]>
        {
            ["the store's list, by the client"] = [Programs.Nixfuse, "ls"],
            ["a path's record, by the client"] = [Programs.Nixfuse, "info", path],
            ["the cache's description"] = ["curl", "-sf", server.Url + "/main/nix-cache-info"],
            ["the same for localhost"] = ["curl", "-sf", server.Url.Replace("127.0.0.1", "localhost", StringComparison.Ordinal) + "/main/nix-cache-info"],
            ["a path's .narinfo"] = ["curl", "-sf", $"{server.Url}/main/{hash}.narinfo"],
            ["a .narinfo of one's own"] = ["curl", "-sf", "-X", "PUT", "-d", "StorePath: x", $"{server.Url}/main/nix-cache-info"],
            ["the data plane"] = ["curl", "-sf", "-X", "POST", "--data-binary", "", server.Url + "/data/v1/main/chunks/read"],
            ["the data directory"] = ["ls", open + "/data/"],
            ["the database"] = ["head", "-c", "16", database],
            ["its write-ahead log"] = ["head", "-c", "16", database + "-wal"],
            ["the packs"] = ["ls", packs],
            ["a pack"] = ["head", "-c", "16", pack],
            ["the server's descriptors"] = ["ls", $"/proc/{ProcessOf(server)}/fd/"],
            ["the server's environment"] = ["head", "-c", "16", $"/proc/{ProcessOf(server)}/environ"],
            ["the stores, by the server's command"] = [Programs.Server, "store", "list", "--metadata", "sqlite:" + database],
            ["a token, by the server's command"] = [Programs.Server, "token", "list", "--metadata", "sqlite:" + database],
            ["a file in the data directory"] = ["touch", open + "/data/mine"],
            ["a file in the packs"] = ["touch", packs + "/mine"],
        };
        var environment = new Dictionary<string, string> { ["NIXFUSE_SERVER"] = server.Url, ["HOME"] = "/nonexistent" };

        // 3. Nothing succeeds for the stranger. The same as root shows that the attempts are real ones (a bad .narinfo is refused to all).
        Command.Run("setpriv", "--reuid", Stranger, "--clear-groups", "ls", open).Succeeded();
        var succeeded = attempts.Where(attempt => Command.Run(
            "setpriv", ["--reuid", Stranger, "--regid", Stranger, "--clear-groups", .. attempt.Value], environment).Status == 0).Select(attempt => attempt.Key);
        Assert.Empty(succeeded);
        var failed = attempts.Where(attempt => Command.Run(attempt.Value[0], attempt.Value[1..], environment).Status != 0).Select(attempt => attempt.Key);
        Assert.Subset(new HashSet<string> { "a .narinfo of one's own", "the data plane" }, failed.ToHashSet());

        // 4. Both doors say who is served; gRPC has its own form.
        var refused = Command.Run("setpriv", ["--reuid", Stranger, "--clear-groups", Programs.Nixfuse, "ls"], environment);
        Assert.Contains("only root and the server's own user (0) are served", refused.FailedWithOneLine(), StringComparison.Ordinal);
        var call = Command.Run("setpriv", ["--reuid", Stranger, "--clear-groups", "curl", "-si", .. grpc, server.Url + "/nixfuse.v1.Store/GetStore"]);
        Assert.Contains("grpc-status: 16", call.Output, StringComparison.OrdinalIgnoreCase);
    }

    private static string ProcessOf(ServerProcess server) => server.ProcessId.ToString(CultureInfo.InvariantCulture);
}
