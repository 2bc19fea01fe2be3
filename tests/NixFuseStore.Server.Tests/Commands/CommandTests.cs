using System.Text.Json;
using Grpc.Core;
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
        using var channel = new RpcChannel(new TransportOptions { Address = server.Address });
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
        using var channel = new RpcChannel(new TransportOptions { Address = again.Address });
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
        Assert.Equal("team\t/gnu/store\t0 paths\t0 B\n", (await ServerProcess.RunAsync("store", "list", "--data", Data)).Output);
        Assert.Contains("public key: " + created.Output, (await ServerProcess.RunAsync("store", "show", "team", "--data", Data)).Output, StringComparison.Ordinal);
        Assert.Equal(1, (await ServerProcess.RunAsync("store", "create", "team", "--data", Data)).Status);
        Assert.Equal(1, (await ServerProcess.RunAsync("store", "show", "none", "--data", Data)).Status);
        Assert.Equal(1, (await ServerProcess.RunAsync("store", "create", "a/b", "--data", Data)).Status);
        Assert.Equal(1, (await ServerProcess.RunAsync("store", "create", "ab", "--store-directory", "relative", "--data", Data)).Status);

        var token = await ServerProcess.RunAsync("token", "create", "--store", "team", "--rights", "write", "--label", "ci", "--data", Data);
        Assert.Matches("^nixfuse_[A-Za-z0-9_-]{43}\n$", token.Output);
        Assert.Matches("^1\tactive\tteam:write\t[^\t]+\t-\t-\tci\n$", (await ServerProcess.RunAsync("token", "list", "--data", Data)).Output);
        await ServerProcess.RunAsync("token", "create", "--store", "team", "--rights", "build", "--data", Data);
        Assert.Contains("team:build", (await ServerProcess.RunAsync("token", "list", "--data", Data)).Output, StringComparison.Ordinal);
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
        Assert.Equal(1, (await ServerProcess.RunAsync("store", "set", "none", "--upstream", "https://c.example", "--data", Data)).Status);

        // What is not there cannot be removed, and nothing is not a change.
        var again = await ServerProcess.RunAsync("store", "set", "team", "--remove-upstream", "https://b.example", "--data", Data);
        Assert.Equal((1, "nixfuse-server: nothing was changed: store team has no upstream https://b.example (see nixfuse-server store show team)\n"), (again.Status, again.Error));
        Assert.Equal(1, (await ServerProcess.RunAsync("store", "set", "team", "--remove-trusted-public-key", key, "--data", Data)).Status);
    }

    [Fact]
    public async Task Json_IsWhatItSays()
    {
        await ServerProcess.RunAsync("store", "create", "team", "--data", Data);
        await ServerProcess.RunAsync("token", "create", "--store", "team", "--rights", "write", "--label", "a\"b", "--expires", "90d", "--data", Data);
        using var stores = JsonDocument.Parse((await ServerProcess.RunAsync("store", "list", "--json", "--data", Data)).Output);
        using var store = JsonDocument.Parse((await ServerProcess.RunAsync("store", "show", "team", "--json", "--data", Data)).Output);
        using var tokens = JsonDocument.Parse((await ServerProcess.RunAsync("token", "list", "--json", "--data", Data)).Output);

        Assert.Equal("team", stores.RootElement.GetProperty("stores")[0].GetProperty("name").GetString());
        Assert.Equal(0, stores.RootElement.GetProperty("stores")[0].GetProperty("paths").GetInt64());
        Assert.StartsWith("team-1:", store.RootElement.GetProperty("publicKeys")[0].GetString(), StringComparison.Ordinal);
        var token = tokens.RootElement.GetProperty("tokens")[0];
        Assert.Equal(("active", "write", "a\"b"), (token.GetProperty("state").GetString(), token.GetProperty("rights").GetProperty("team").GetString(), token.GetProperty("label").GetString()));
        Assert.Equal(JsonValueKind.Null, token.GetProperty("lastUsed").ValueKind);
        Assert.InRange(token.GetProperty("expires").GetDateTimeOffset() - DateTimeOffset.UtcNow, TimeSpan.FromDays(89), TimeSpan.FromDays(90));
    }

    [Fact]
    public async Task StoreSet_PasswordOfAnUpstream_IsNeverShown_AndTheLargestPathIs()
    {
        await ServerProcess.RunAsync("store", "create", "team", "--data", Data);
        var set = await ServerProcess.RunAsync("store", "set", "team", "--upstream", "https://me:secret@b.example/", "--max-path-size", "64G", "--data", Data);
        var shown = await ServerProcess.RunAsync("store", "show", "team", "--data", Data);
        Assert.Equal((0, 0), (set.Status, shown.Status));
        Assert.Contains("upstream: https://b.example (with user and password)\n", shown.Output, StringComparison.Ordinal);
        Assert.Contains("largest path: 68719476736 bytes\n", shown.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", set.Output + shown.Output, StringComparison.Ordinal);

        Assert.Equal(0, (await ServerProcess.RunAsync("store", "set", "team", "--remove-upstream", "https://b.example", "--max-path-size", "default", "--data", Data)).Status);
        shown = await ServerProcess.RunAsync("store", "show", "team", "--data", Data);
        Assert.DoesNotContain("b.example", shown.Output, StringComparison.Ordinal);
        Assert.Contains("largest path: 34359738368 bytes\n", shown.Output, StringComparison.Ordinal);
    }

    public static TheoryData<string[], int, string> Failures => new()
    {
        { ["serve", "--listen", "nonsense"], 2, "no address to listen on" },
        { ["serve", "--nonsense"], 2, "--nonsense" },
        { ["nonsense"], 2, "there is no command 'nixfuse-server nonsense'; there are serve, store, token, path, build, fsck (see nixfuse-server --help)" },
        { ["stroe", "list"], 2, "there is no command 'nixfuse-server stroe'; did you mean store? (see nixfuse-server --help)" },
        { ["store", "lst"], 2, "there is no command 'nixfuse-server store lst'; did you mean list? (see nixfuse-server store --help)" },
        { ["store"], 2, "nixfuse-server store wants a command: create, list, show, set, rotate-key, drop-key (see nixfuse-server store --help)" },
        { [], 2, "nixfuse-server wants a command: serve, store, token, path" },
        { ["store", "list", "--jsn"], 2, "nixfuse-server store list has no option --jsn; did you mean --json? (see nixfuse-server store list --help)" },
        { ["store", "list", "extra\tword"], 2, "takes no further argument 'extra word'" },
        { ["token", "revoke", "first"], 2, "'first' is not the number of a token" },
        { ["token", "create", "--all-stores", "--rights", "read", "--expires", "soon"], 2, "such as 30m, 12h, 90d" },
        { ["token", "create", "--all-stores", "--rights", "read", "--label", "two\nlines"], 2, "--label wants" },
        { ["store", "set", "main"], 2, "say what to set" },
        { ["serve", "--log-level", "loud"], 2, "error, warning, info or debug, not 'loud'" },
        { ["token", "create", "--all-stores", "--rights", "all"], 2, "not 'all'" },
        { ["token", "create", "--rights", "read"], 2, "--store" },
        { ["serve", "--tls-certificate", "x"], 2, "--tls-key" },
        { ["serve", "--listen", "https://127.0.0.1:0", "--tls-certificate", "/nowhere", "--tls-key", "/nowhere"], 1, "/nowhere" },
        { ["serve", "--data", "/dev/null/x"], 1, "/dev/null/x" },
        { ["serve", "--metadata", "postgres://nobody@127.0.0.1:1/none"], 1, "127.0.0.1" },
        { ["serve", "--metadata", "mysql://x"], 2, "--metadata" },
        { ["serve", "--blobs", "ftp://x"], 2, "--blobs" },
        { ["store", "set", "main", "--upstream", "ftp://x"], 2, "ftp://x" },
        { ["store", "set", "main", "--max-path-size", "5X"], 2, "5X" },
        { ["store", "set", "main", "--max-path-size", "0"], 2, "is no size" },
        { ["store", "set", "main", "--trusted-public-key", "x"], 2, "public key" },
        { ["serve", "--listen", "http://no-such-host.invalid:1"], 1, "no-such-host.invalid" },
    };

    [Theory]
    [MemberData(nameof(Failures))]
    public async Task Command_ThatCannotBeDone_OneLineAndItsStatus(string[] arguments, int status, string mentions)
    {
        if (arguments is ["serve", ..] && !arguments.Contains("--data"))
        {
            arguments = [.. arguments, "--data", Data];
        }

        var result = await ServerProcess.RunAsync(arguments);
        Assert.Equal(status, result.Status);
        Assert.StartsWith("nixfuse-server: ", result.Error, StringComparison.Ordinal);
        Assert.Contains(mentions, result.Error, StringComparison.Ordinal);
        Assert.Equal(1, result.Error.Count(c => c == '\n'));
        Assert.DoesNotMatch(@"\t|System\.|Exception", result.Error);
    }

    internal static async Task PushAsync(Uri address, SamplePath sample)
    {
        var options = new TransportOptions { Address = address };
        using var channel = new RpcChannel(options);
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
