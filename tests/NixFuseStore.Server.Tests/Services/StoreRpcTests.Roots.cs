using Grpc.Core;
using NixFuseStore.Protocol;
using NixFuseStore.Server.Tests.Samples;
using NixFuseStore.Storage.Metadata;
using Xunit;
using NewRoot = NixFuseStore.Protocol.NewRoot;
using RootKind = NixFuseStore.Protocol.RootKind;

namespace NixFuseStore.Server.Tests.Services;

public abstract partial class StoreRpcTests
{
    private const string Nothing = "00000000000000000000000000000000-nothing";

    [Fact]
    public async Task Roots_SetListRemove_WithTemporaryOnesBehind()
    {
        await _server.Client.SetRootsAsync(RootsOf("one", new NewRoot { Kind = RootKind.Indirect, Link = "/home/x/résult", BaseName = Nothing, LeaseSeconds = 60 }));
        await _server.Client.SetRootsAsync(RootsOf("one", new NewRoot { Kind = RootKind.Permanent, Link = "profile", BaseName = Nothing }));
        var session = (await _server.Client.OpenSessionAsync(new OpenSessionRequest { Store = "main", Host = "two", LeaseSeconds = 60 })).Session;
        Assert.True((await _server.Client.AddTemporaryRootsAsync(TemporaryRoots(session, Nothing))).Alive);

        var roots = await ListRootsAsync();
        Assert.Equal(
            [("one", "/home/x/résult", RootKind.Indirect), ("one", "profile", RootKind.Permanent), ("two", $"{{temp:{session}}}", RootKind.Temporary)],
            roots.Select(root => (root.Host, root.Link, root.Kind)));
        Assert.All(roots, root => Assert.Equal(Nothing, root.BaseName));
        Assert.Equal([true, false, true], roots.Select(root => root.LeaseUntil > root.Created));

        var remove = new RemoveRootsRequest { Store = "main", Host = "one" };
        remove.Links.AddRange(["profile", "other"]);
        Assert.Equal(["profile"], (await _server.Client.RemoveRootsAsync(remove)).Removed);
        Assert.True((await _server.Client.RenewSessionAsync(new RenewSessionRequest { Store = "main", Session = session, LeaseSeconds = 5 })).Alive);
        var release = new RemoveTemporaryRootsRequest { Store = "main", Session = session };
        release.BaseNames.Add(Nothing);
        await _server.Client.RemoveTemporaryRootsAsync(release);
        await _server.Client.RemoveTemporaryRootsAsync(release);
        Assert.DoesNotContain(await ListRootsAsync(), root => root.Kind == RootKind.Temporary);
        Assert.True((await _server.Client.AddTemporaryRootsAsync(TemporaryRoots(session, Nothing))).Alive);
        await _server.Client.CloseSessionAsync(new CloseSessionRequest { Store = "main", Session = session });
        await _server.Client.CloseSessionAsync(new CloseSessionRequest { Store = "main", Session = session });
        Assert.False((await _server.Client.AddTemporaryRootsAsync(TemporaryRoots(session, Nothing))).Alive);
        Assert.Equal("/home/x/résult", Assert.Single(await ListRootsAsync()).Link);
    }

    [Fact]
    public async Task Session_ClientThatDied_ItsRootsGoWithTheLease()
    {
        var session = (await _server.Client.OpenSessionAsync(new OpenSessionRequest { Store = "main", Host = "two", LeaseSeconds = 1 })).Session;
        await _server.Client.AddTemporaryRootsAsync(TemporaryRoots(session, Nothing));

        await Eventually.HoldsAsync(async () => (await ListRootsAsync()).Count == 0);
        Assert.False((await _server.Client.RenewSessionAsync(new RenewSessionRequest { Store = "main", Session = session, LeaseSeconds = 5 })).Alive);
    }

    [Fact]
    public async Task Session_OfAnotherToken_IsNotFoundAndStays()
    {
        var (one, _) = await _server.CreateTokenAsync(AccessRights.Read, "main");
        var (two, _) = await _server.CreateTokenAsync(AccessRights.Read | AccessRights.Write, "main");
        var (owner, stranger) = (_server.OpenClient(one), _server.OpenClient(two));
        var session = (await owner.OpenSessionAsync(new OpenSessionRequest { Store = "main", Host = "h", LeaseSeconds = 60 })).Session;

        Assert.False((await stranger.AddTemporaryRootsAsync(TemporaryRoots(session, Nothing))).Alive);
        Assert.False((await stranger.RenewSessionAsync(new RenewSessionRequest { Store = "main", Session = session, LeaseSeconds = 1 })).Alive);
        await stranger.CloseSessionAsync(new CloseSessionRequest { Store = "main", Session = session });
        Assert.True((await owner.AddTemporaryRootsAsync(TemporaryRoots(session, Nothing))).Alive);
    }

    [Fact]
    public async Task QueryLiveness_ReferencesOfRootsAreLive_OthersAreNot()
    {
        var bottom = SamplePath.CreateRandom("bottom", 1, 10);
        var top = SamplePath.CreateRandom("top", 1, 10, bottom.Path);
        var loose = SamplePath.CreateRandom("loose", 1, 10);
        await _server.RegisterAllAsync(bottom, top, loose);
        await _server.Client.SetRootsAsync(RootsOf("one", new NewRoot { Kind = RootKind.Permanent, Link = "x", BaseName = top.Path.BaseName }));

        Assert.Equal([.. new[] { bottom.Path.BaseName, top.Path.BaseName }.Order(StringComparer.Ordinal)], await QueryLivenessAsync(live: true));
        Assert.Equal([loose.Path.BaseName], await QueryLivenessAsync(live: false));
    }

    [Fact]
    public async Task Roots_WhatIsNoneOrNoSession_InvalidArgument()
    {
        var client = _server.Client;
        NewRoot[] wrong =
        [
            new() { Kind = RootKind.Temporary, Link = "x", BaseName = Nothing },
            new() { Link = "x", BaseName = Nothing },
            new() { Kind = RootKind.Permanent, BaseName = Nothing },
            new() { Kind = RootKind.Permanent, Link = "a\0b", BaseName = Nothing },
            new() { Kind = RootKind.Permanent, Link = new string('x', 5_000), BaseName = Nothing },
            new() { Kind = RootKind.Permanent, Link = "x", BaseName = "/nix/store/" + Nothing },
            new() { Kind = RootKind.Permanent, Link = "x", BaseName = Nothing, LeaseSeconds = uint.MaxValue },
        ];
        foreach (var root in wrong)
        {
            await IsInvalidAsync(() => client.SetRootsAsync(RootsOf("one", root)));
        }

        var good = new NewRoot { Kind = RootKind.Permanent, Link = "x", BaseName = Nothing };
        await IsInvalidAsync(() => client.SetRootsAsync(RootsOf("", good)));
        await IsInvalidAsync(() => client.SetRootsAsync(RootsOf("one", [.. Enumerable.Repeat(good, 1_001)])));
        await IsInvalidAsync(() => client.RemoveRootsAsync(new RemoveRootsRequest { Store = "main" }));
        await IsInvalidAsync(() => client.OpenSessionAsync(new OpenSessionRequest { Store = "main", Host = "h" }));
        await IsInvalidAsync(() => client.OpenSessionAsync(new OpenSessionRequest { Store = "main", Host = "h", LeaseSeconds = 86_401 }));
        await IsInvalidAsync(() => client.AddTemporaryRootsAsync(TemporaryRoots(ulong.MaxValue, Nothing)));
        await IsInvalidAsync(() => client.AddTemporaryRootsAsync(TemporaryRoots(1, "../x")));
        Assert.Empty(await ListRootsAsync());
    }

    private static SetRootsRequest RootsOf(string host, params NewRoot[] roots)
    {
        var request = new SetRootsRequest { Store = "main", Host = host };
        request.Roots.AddRange(roots);
        return request;
    }

    private static AddTemporaryRootsRequest TemporaryRoots(ulong session, string baseName)
    {
        var request = new AddTemporaryRootsRequest { Store = "main", Session = session };
        request.BaseNames.Add(baseName);
        return request;
    }

    private async Task<List<Root>> ListRootsAsync() =>
        [.. (await CollectAsync(_server.Client.ListRootsAsync(new ListRootsRequest { Store = "main" }))).SelectMany(message => message.Roots)];

    private async Task<List<string>> QueryLivenessAsync(bool live)
    {
        var messages = await CollectAsync(_server.Client.QueryLivenessAsync(new QueryLivenessRequest { Store = "main", Live = live }));
        return [.. messages.SelectMany(message => message.BaseNames)];
    }

    private static async Task IsInvalidAsync(Func<Task> call) =>
        Assert.Equal(StatusCode.InvalidArgument, (await Assert.ThrowsAsync<RpcException>(call)).StatusCode);
}
