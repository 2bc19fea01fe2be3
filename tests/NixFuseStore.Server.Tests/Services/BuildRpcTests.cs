using System.Security.Cryptography;
using System.Text;
using Google.Protobuf;
using Grpc.Core;
using NixFuseStore.Native.Compression;
using NixFuseStore.Protocol;
using NixFuseStore.Server.Tests.Samples;
using NixFuseStore.Storage.Metadata;
using NixFuseStore.Testing.Stores;
using Xunit;
using BuildWishes = NixFuseStore.Protocol.BuildWishes;
using Outcome = NixFuseStore.Protocol.FollowBuildResponse.Types.Outcome;

namespace NixFuseStore.Server.Tests.Services;

/// <summary>Builds over the wire: who builds, who follows, and what counts.</summary>
public sealed class BuildRpcTests : IAsyncLifetime
{
    private const string Drv = "00000000000000000000000000000000-hello.drv";

    private TestServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await TestServer.StartAsync();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task Follower_HearsTheWholeLog_WhenItIsPrinted_AndThenTheResult()
    {
        var output = SamplePath.Create("hello", FakeTree.File("hello"));
        var owned = await _server.Client.ClaimBuildAsync(Claim("a", output));
        Assert.True(owned.Owned > 0 && owned.LeaseSeconds > 0);
        var waiting = await _server.Client.ClaimBuildAsync(Claim("b", output));
        Assert.Equal((0UL, owned.Owned, "host a", Drv), (waiting.Owned, waiting.Open.Number, waiting.Open.Host, waiting.Open.Derivation));

        // 1. Live.
        var heard = new StringBuilder();
        var first = new TaskCompletionSource();
        var following = FollowAsync(owned.Owned, "b", heard, first);
        var renewed = await _server.Client.RenewBuildAsync(new RenewBuildRequest { Store = "main", Number = owned.Owned, Log = Bytes("one\n") });
        Assert.Equal((false, 1u, 4UL), (renewed.Lost, renewed.Waiters, renewed.LogBytes));
        await first.Task.WaitAsync(TimeSpan.FromSeconds(10), TestServer.Cancellation);

        // 2. Outputs, log and result at once.
        var finish = Finish(owned.Owned, "one\ntwo\n");
        finish.Outputs.Add(output.ToMessage());
        var finished = await _server.Client.FinishBuildAsync(finish);
        Assert.Equal((false, RegisterPathResult.Types.Outcome.Registered), (finished.Lost, Assert.Single(finished.Results).Outcome));
        var last = await following.WaitAsync(TimeSpan.FromSeconds(10), TestServer.Cancellation);
        Assert.Equal((Outcome.Ended, 0u, 5L), (last.Outcome, last.Status, last.StartTime));
        Assert.Equal("one\ntwo\n", heard.ToString());
        var log = await _server.Client.GetBuildLogAsync(new GetBuildLogRequest { Store = "main", BaseName = Drv });
        Assert.Equal((true, 8u), (log.Found, log.PlainLength));

        Assert.True((await _server.Client.ClaimBuildAsync(Claim("c", output))).Valid);

        // 3. Asked again, as after an answer that was lost.
        var again = await _server.Client.FinishBuildAsync(finish);
        Assert.Equal((false, RegisterPathResult.Types.Outcome.AlreadyValid), (again.Lost, Assert.Single(again.Results).Outcome));
        Assert.Empty((await _server.Client.ListBuildsAsync(new ListBuildsRequest { Store = "main" })).Builds);
    }

    [Fact]
    public async Task Outputs_OneIsRefused_NoneIsRegistered_AndTheBuildGoesOn()
    {
        var (good, broken) = (SamplePath.Create("good", FakeTree.File("good")), SamplePath.Create("bad", FakeTree.File("bad")));
        var bad = broken.ToMessage();
        var number = (await _server.Client.ClaimBuildAsync(Claim("a", good, broken))).Owned;
        bad.Path.NarHash = ByteString.CopyFrom(new byte[32]);
        var finish = Finish(number, "");
        finish.Outputs.AddRange([good.ToMessage(), bad]);
        var results = (await _server.Client.FinishBuildAsync(finish)).Results;
        Assert.Equal([RegisterPathResult.Types.Outcome.HeldBack, RegisterPathResult.Types.Outcome.Refused], results.Select(result => result.Outcome));
        Assert.Empty((await _server.Client.QueryPathsAsync(new QueryPathsRequest { Store = "main", HashParts = { good.Path.HashPart } })).Paths);
        Assert.False((await _server.Client.RenewBuildAsync(new RenewBuildRequest { Store = "main", Number = number })).Lost);

        // Outputs of another step are no outputs of this one, and none are no success.
        finish.Outputs.RemoveAt(1);
        Assert.True((await _server.Client.FinishBuildAsync(finish)).Lost);
        Assert.Empty((await _server.Client.QueryPathsAsync(new QueryPathsRequest { Store = "main", HashParts = { good.Path.HashPart } })).Paths);
        await ExpectAsync(StatusCode.InvalidArgument, () => _server.Client.FinishBuildAsync(Finish(number, "")));
    }

    [Fact]
    public async Task Failure_IsToldToFollowers_AndGivenUpIsNot()
    {
        // 1. The builder has failed: that is a result.
        var number = (await _server.Client.ClaimBuildAsync(Claim("a"))).Owned;
        await _server.Client.ClaimBuildAsync(Claim("b"));
        var failed = Finish(number, "oh\n");
        (failed.Status, failed.Message) = (3, "builder failed with exit code 1");
        Assert.False((await _server.Client.FinishBuildAsync(failed)).Lost);
        var heard = new StringBuilder();
        var last = await FollowAsync(number, "b", heard);
        Assert.Equal((Outcome.Ended, 3u, "builder failed with exit code 1", "oh\n"), (last.Outcome, last.Status, last.Message, heard.ToString()));

        // 2. The host has: another one may try.
        number = (await _server.Client.ClaimBuildAsync(Claim("a"))).Owned;
        var given = new FinishBuildRequest { Store = "main", Number = number, GivenUp = true };
        Assert.False((await _server.Client.FinishBuildAsync(given)).Lost);
        Assert.Equal(Outcome.TryAgain, (await FollowAsync(number, "b", heard)).Outcome);
        Assert.Equal(Outcome.TryAgain, (await FollowAsync(123456, "b", heard)).Outcome);
        Assert.True((await _server.Client.ClaimBuildAsync(Claim("b"))).Owned > number);
    }

    [Fact]
    public async Task Cancelled_TheOwnerIsToldAndMayNotRegister()
    {
        var late = SamplePath.Create("late", FakeTree.File("late"));
        var number = (await _server.Client.ClaimBuildAsync(Claim("a", late))).Owned;
        var following = FollowAsync(number, "b", new StringBuilder());
        var cancelled = await _server.Client.CancelBuildAsync(new CancelBuildRequest { Store = "main", Numbers = { number, number + 7 } });
        Assert.Equal([number], cancelled.Cancelled);
        Assert.True((await _server.Client.RenewBuildAsync(new RenewBuildRequest { Store = "main", Number = number })) is { Lost: true, Cancelled: true });
        var finish = Finish(number, "");
        finish.Outputs.Add(late.ToMessage());
        Assert.True((await _server.Client.FinishBuildAsync(finish)) is { Lost: true, Cancelled: true });
        Assert.Equal(Outcome.Cancelled, (await following.WaitAsync(TimeSpan.FromSeconds(10), TestServer.Cancellation)).Outcome);
    }

    [Fact]
    public async Task OtherToken_IsNotTheOwner()
    {
        var writer = _server.OpenClient((await _server.CreateTokenAsync(AccessRights.Read | AccessRights.Write)).Token);
        var other = _server.OpenClient((await _server.CreateTokenAsync(AccessRights.Read | AccessRights.Write)).Token);
        var reader = _server.OpenClient((await _server.CreateTokenAsync(AccessRights.Read)).Token);
        var number = (await writer.ClaimBuildAsync(Claim("a"))).Owned;
        Assert.True((await other.RenewBuildAsync(new RenewBuildRequest { Store = "main", Number = number })).Lost);
        Assert.True((await other.FinishBuildAsync(Failed(number))).Lost);
        Assert.False((await writer.RenewBuildAsync(new RenewBuildRequest { Store = "main", Number = number })).Lost);

        await ExpectAsync(StatusCode.PermissionDenied, () => reader.ClaimBuildAsync(Claim("c")));
        await ExpectAsync(StatusCode.PermissionDenied, () => writer.CancelBuildAsync(new CancelBuildRequest { Store = "main", Numbers = { number } }));
        Assert.Single((await reader.ListBuildsAsync(new ListBuildsRequest { Store = "main" })).Builds);
    }

    [Fact]
    public async Task Requests_OfNonsense_AreRefused()
    {
        var noPath = Claim("a");
        noPath.Outputs.Add("x");
        await ExpectAsync(StatusCode.InvalidArgument, () => _server.Client.ClaimBuildAsync(noPath));
        var noDerivation = Claim("a");
        noDerivation.Derivation = "00000000000000000000000000000000-hello";
        await ExpectAsync(StatusCode.InvalidArgument, () => _server.Client.ClaimBuildAsync(noDerivation));
        await ExpectAsync(StatusCode.InvalidArgument, () => _server.Client.RenewBuildAsync(new RenewBuildRequest { Store = "main", Number = ulong.MaxValue }));
        var number = (await _server.Client.ClaimBuildAsync(Claim("a"))).Owned;
        var torn = Failed(number);
        torn.LogZstd = Finish(number, "log").LogZstd;
        torn.LogPlainLength = 7;
        await ExpectAsync(StatusCode.InvalidArgument, () => _server.Client.FinishBuildAsync(torn));
        var elsewhere = Failed(number);
        elsewhere.StoreId = ByteString.CopyFrom(new byte[16]);
        await ExpectAsync(StatusCode.FailedPrecondition, () => _server.Client.FinishBuildAsync(elsewhere));
    }

    private static ClaimBuildRequest Claim(string who, params SamplePath[] outputs) => new()
    {
        Store = "main",
        Outputs = { outputs.Select(static output => output.Path.BaseName).DefaultIfEmpty("00000000000000000000000000000001-x") },
        Derivation = Drv,
        TextHash = ByteString.CopyFrom(SHA256.HashData("text"u8)),
        Wishes = new BuildWishes { Timeout = 9 },
        Host = $"host {who}",
        Asker = $"host {who}",
        Claims = true,
    };

    private static FinishBuildRequest Finish(ulong number, string log) => new()
    {
        Store = "main",
        Number = number,
        StartTime = 5,
        LogPlainLength = (uint)log.Length,
        LogZstd = log.Length == 0 ? ByteString.Empty : ByteString.CopyFrom(Zstd.Compress(Encoding.UTF8.GetBytes(log), 3)),
        KeepLog = log.Length > 0,
        Derivation = Drv,
    };

    private static FinishBuildRequest Failed(ulong number) => new() { Store = "main", Number = number, Status = 3 };

    private static ByteString Bytes(string text) => ByteString.CopyFromUtf8(text);

    private static async Task ExpectAsync(StatusCode status, Func<Task> call) =>
        Assert.Equal(status, (await Assert.ThrowsAsync<RpcException>(call)).StatusCode);

    private async Task<FollowBuildResponse> FollowAsync(ulong number, string who, StringBuilder heard, TaskCompletionSource? first = null)
    {
        FollowBuildResponse? last = null;
        var request = new FollowBuildRequest { Store = "main", Number = number, Waiter = $"host {who}.1" };
        await foreach (var message in _server.Client.FollowBuildAsync(request, cancellation: TestServer.Cancellation))
        {
            heard.Append(message.Log.ToStringUtf8());
            if (!message.Log.IsEmpty)
            {
                first?.TrySetResult();
            }

            Assert.True(message.Host.Length == 0 || (last is null && message.Host == "host a"));
            last = message;
        }

        return last!;
    }
}
