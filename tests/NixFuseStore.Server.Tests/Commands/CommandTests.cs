using NixFuseStore.Protocol;
using NixFuseStore.Protocol.Connections;
using NixFuseStore.Protocol.DataPlane;
using NixFuseStore.Protocol.Grpc;
using NixFuseStore.Server.Tests.Samples;
using Xunit;

namespace NixFuseStore.Server.Tests.Commands;

public sealed class CommandTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("nixfuse-commands-").FullName;

    private string Data => Path.Combine(_directory, "data");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task Serve_Terminated_EndsWellAndKeepsEverything()
    {
        var sample = SamplePath.CreateRandom("kept", 3, 300_000);
        string key;
        await using (var server = await ServerProcess.ServeAsync(Data))
        {
            key = server.PublicKeyLine;
            await PushAsync(server.Address, sample);
            Assert.Equal(0, await server.TerminateAsync());
        }

        await using var again = await ServerProcess.ServeAsync(Data);
        Assert.Equal(key, again.PublicKeyLine);
        await AssertWholeAsync(again.Address, sample);
    }

    [Fact]
    public async Task Serve_TerminatedWhileWatched_EndsWithinSeconds()
    {
        await using var server = await ServerProcess.ServeAsync(Data);
        using var channel = new GrpcChannel(new TransportOptions { Address = server.Address });
        await using var watch = new StoreClient(channel).WatchAsync(new WatchRequest { Store = "main" }).GetAsyncEnumerator();
        Assert.True(await watch.MoveNextAsync());
        Assert.Equal(0, await server.TerminateAsync());
        var e = await Assert.ThrowsAsync<RpcException>(async () => await watch.MoveNextAsync());
        Assert.Equal(StatusCode.Unavailable, e.StatusCode);
    }

    [Fact]
    public async Task Serve_KilledInTheMiddleOfPushes_EveryListedPathIsWhole()
    {
        var samples = Enumerable.Range(0, 60).Select(i => SamplePath.CreateRandom($"p{i}", 2, 200_000)).ToArray();
        await using (var server = await ServerProcess.ServeAsync(Data))
        {
            var pushing = samples.Select(async sample =>
            {
                try
                {
                    await PushAsync(server.Address, sample);
                }
                catch (Exception e) when (e is RpcException or DataPlaneException)
                {
                    // The server went away; that is the point.
                }
            }).ToArray();
            await Task.WhenAny(pushing);
            await server.KillAsync();
            await Task.WhenAll(pushing);
        }

        await using var again = await ServerProcess.ServeAsync(Data);
        using var channel = new GrpcChannel(new TransportOptions { Address = again.Address });
        var listed = new HashSet<string>();
        await foreach (var message in new StoreClient(channel).ListPathsAsync(new ListPathsRequest { Store = "main" }))
        {
            listed.UnionWith(message.Entries.Select(entry => entry.BaseName));
        }

        foreach (var sample in samples.Where(sample => listed.Contains(sample.Path.BaseName)))
        {
            await AssertWholeAsync(again.Address, sample);
        }

        Assert.NotEmpty(listed);
        foreach (var sample in samples.Where(sample => !listed.Contains(sample.Path.BaseName)))
        {
            await PushAsync(again.Address, sample);
        }
    }

    [Fact]
    public async Task Store_DataDirectoryOpenToAll_KeysAreNot()
    {
        Directory.CreateDirectory(Data);
        Assert.Equal(0, (await ServerProcess.RunAsync("store", "create", "team", "--data", Data)).Status);
#pragma warning disable CA1416 // Linux only
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(Data, "metadata.sqlite")));
#pragma warning restore CA1416
    }

    [Fact]
    public async Task Store_CreateListShow_AndTokens()
    {
        var created = await ServerProcess.RunAsync("store", "create", "team", "--store-directory", "/gnu/store", "--data", Data);
        Assert.Equal(0, created.Status);
        Assert.StartsWith("team-1:", created.Output, StringComparison.Ordinal);
        Assert.Equal("team\t/gnu/store\n", (await ServerProcess.RunAsync("store", "list", "--data", Data)).Output);
        Assert.Contains("public key: " + created.Output, (await ServerProcess.RunAsync("store", "show", "team", "--data", Data)).Output, StringComparison.Ordinal);
        Assert.Equal(1, (await ServerProcess.RunAsync("store", "create", "team", "--data", Data)).Status);
        Assert.Equal(1, (await ServerProcess.RunAsync("store", "show", "none", "--data", Data)).Status);
        Assert.Equal(1, (await ServerProcess.RunAsync("store", "create", "a/b", "--data", Data)).Status);
        Assert.Equal(1, (await ServerProcess.RunAsync("store", "create", "ab", "--store-directory", "relative", "--data", Data)).Status);

        var token = await ServerProcess.RunAsync("token", "create", "--store", "team", "--rights", "write", "--label", "ci", "--data", Data);
        Assert.Matches("^nixfuse_[A-Za-z0-9_-]{43}\n$", token.Output);
        Assert.Matches("^1\tgood\tteam:write\t[^\t]+\tci\n$", (await ServerProcess.RunAsync("token", "list", "--data", Data)).Output);
        Assert.Equal(0, (await ServerProcess.RunAsync("token", "revoke", "1", "--data", Data)).Status);
        Assert.Contains("revoked", (await ServerProcess.RunAsync("token", "list", "--data", Data)).Output, StringComparison.Ordinal);
        Assert.Equal(1, (await ServerProcess.RunAsync("token", "revoke", "1", "--data", Data)).Status);
    }

    [Fact]
    public async Task StoreSet_UpstreamsAndKeys_AreShownUntilTheyAreRemoved()
    {
        var key = "cache-1:" + Convert.ToBase64String(new byte[32]);
        await ServerProcess.RunAsync("store", "create", "team", "--data", Data);
        var added = await ServerProcess.RunAsync("store", "set", "team", "--upstream", "https://b.example/", "--upstream", "http://a.example/nix", "--data", Data);
        Assert.Equal((0, true), (added.Status, added.Output.Contains("--trusted-public-key", StringComparison.Ordinal)));
        Assert.Equal("", (await ServerProcess.RunAsync("store", "set", "team", "--trusted-public-key", key, "--data", Data)).Output);

        var shown = (await ServerProcess.RunAsync("store", "show", "team", "--data", Data)).Output;
        Assert.Contains($"upstream: https://b.example\nupstream: http://a.example/nix\ntrusted public key: {key}\n", shown, StringComparison.Ordinal);

        Assert.Equal(0, (await ServerProcess.RunAsync("store", "set", "team", "--remove-upstream", "https://b.example", "--remove-trusted-public-key", key, "--data", Data)).Status);
        shown = (await ServerProcess.RunAsync("store", "show", "team", "--data", Data)).Output;
        Assert.DoesNotContain("b.example", shown, StringComparison.Ordinal);
        Assert.DoesNotContain(key, shown, StringComparison.Ordinal);
        Assert.Contains("a.example", shown, StringComparison.Ordinal);
        Assert.Equal(1, (await ServerProcess.RunAsync("store", "set", "none", "--data", Data)).Status);
    }

    public static TheoryData<string[], int, string> Failures => new()
    {
        { ["serve", "--listen", "nonsense"], 2, "no address to listen on" },
        { ["serve", "--nonsense"], 2, "--nonsense" },
        { ["nonsense"], 2, "nonsense" },
        { ["token", "create", "--rights", "all"], 2, "all" },
        { ["token", "create", "--rights", "read"], 2, "--store" },
        { ["serve", "--tls-certificate", "x"], 2, "--tls-key" },
        { ["serve", "--listen", "https://127.0.0.1:0", "--tls-certificate", "/nowhere", "--tls-key", "/nowhere"], 1, "/nowhere" },
        { ["serve", "--data", "/dev/null/x"], 1, "/dev/null/x" },
        { ["serve", "--metadata", "postgres://nobody@127.0.0.1:1/none"], 1, "127.0.0.1" },
        { ["serve", "--metadata", "mysql://x"], 2, "--metadata" },
        { ["serve", "--blobs", "ftp://x"], 2, "--blobs" },
        { ["store", "set", "main", "--upstream", "ftp://x"], 2, "ftp://x" },
        { ["store", "set", "main", "--trusted-public-key", "x"], 2, "public key" },
        { ["serve", "--listen", "http://no-such-host.invalid:1"], 1, "no-such-host.invalid" },
    };

    [Theory]
    [MemberData(nameof(Failures))]
    public async Task Command_ThatCannotBeDone_OneLineAndItsStatus(string[] arguments, int status, string mentions)
    {
        if (arguments[0] == "serve" && !arguments.Contains("--data"))
        {
            arguments = [.. arguments, "--data", Data];
        }

        var result = await ServerProcess.RunAsync(arguments);
        Assert.Equal(status, result.Status);
        Assert.StartsWith("nixfuse-server: ", result.Error, StringComparison.Ordinal);
        Assert.Contains(mentions, result.Error, StringComparison.Ordinal);
        Assert.Equal(1, result.Error.Count(c => c == '\n'));
    }

    internal static async Task PushAsync(Uri address, SamplePath sample)
    {
        var options = new TransportOptions { Address = address };
        using var channel = new GrpcChannel(options);
        using var data = new DataPlaneClient(options);
        await data.UploadAsync(sample.Chunks.Values);
        var request = new RegisterPathsRequest { Store = "main" };
        request.Paths.Add(sample.ToMessage(inline: false));
        var result = (await new StoreClient(channel).RegisterPathsAsync(request, TimeSpan.FromSeconds(30))).Results.Single();
        Assert.Equal(RegisterPathResult.Types.Outcome.Registered, result.Outcome);
    }

    private static async Task AssertWholeAsync(Uri address, SamplePath sample)
    {
        using var data = new DataPlaneClient(new TransportOptions { Address = address });
        Assert.Equal(sample.NarHash, sample.HashOf(await data.ReadAllAsync(sample)));
    }
}
