using System.Diagnostics;
using System.Threading.RateLimiting;
using Google.Protobuf;
using Google.Protobuf.Collections;
using Grpc.Core;
using NixFuseStore.Native.Compression;
using NixFuseStore.Protocol;
using NixFuseStore.Server.Access;
using NixFuseStore.Server.Base;
using NixFuseStore.Server.Building;
using NixFuseStore.Server.Registration;
using NixFuseStore.Storage.Metadata;
using static NixFuseStore.Server.Endpoints.Grpc.RequestChecks;
using BuildWishes = NixFuseStore.Storage.Metadata.BuildWishes;
using RunningBuild = NixFuseStore.Storage.Metadata.RunningBuild;

namespace NixFuseStore.Server.Endpoints.Grpc;

/// <summary>The rpcs of <c>builds.proto</c>.</summary>
internal sealed class BuildService(
    IMetadataStore metadata, AccessControl access, PathRegistrar registrar, BuildLeases leases, ServerLimits limits, ILogger logger, CancellationToken stopping)
    : Builds.BuildsBase
{
    private const int HashBytes = 32;
    private const int HostBytesMax = 255;
    private const int AskerBytesMax = 64;
    private const int WaiterBytesMax = 128;
    /// <summary>Nix's numbers of a success.</summary>
    private const uint StatusBuilt = 0;
    private const uint StatusSubstituted = 1;
    private const uint StatusAlreadyValid = 2;

    private const int NameBytesMax = 64;
    private const int SystemsMax = 16;
    private const int FeaturesMax = 64;
    private const int TakeSecondsMax = 60;
    private const int MessageCharactersMax = 64 << 10;

    /// <summary>Bytes of a log that one call brings.</summary>
    private const int LogPieceBytesMax = 1 << 20;

    /// <summary>Builds that are ended in one call.</summary>
    private const int CancelMax = 1_000;

    /// <summary>How often a build is looked at whose owner talks to another server.</summary>
    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(1);

    /// <summary>How often it is looked whether a step waits that was asked for at another server.</summary>
    private static readonly TimeSpan QueueInterval = TimeSpan.FromSeconds(2);

    /// <summary>How long one that followed counts after it has left: one whose connection broke is back by then.</summary>
    private static readonly TimeSpan LeaveLease = TimeSpan.FromSeconds(5);

    /// <summary>How long the last word of one that followed may take.</summary>
    private static readonly TimeSpan LeaveDeadline = TimeSpan.FromSeconds(5);

    /// <summary>Logs that are decompressed at once: each takes up to <see cref="BuildLog.PlainBytesMax"/>.</summary>
    private readonly ConcurrencyLimiter _logs = Limiters.Waiting(2);

    public override async Task<ClaimBuildResponse> ClaimBuild(ClaimBuildRequest request, ServerCallContext context)
    {
        var call = CallContext.Of(context);
        var store = await RequireAsync(call, request.Store, AccessRights.Write).ConfigureAwait(false);
        var wanted = new BuildRequest
        {
            Outputs = request.Outputs.Count > 0 == request.Realisations.Count > 0
                ? throw Invalid("a step has outputs, either with known paths or with ids of realisations")
                : ParsePaths(request.Outputs, limits.QueryPathsMax),
            RealisationIds = ParseIds(request.Realisations),
            Derivation = ParseDerivation(request.Derivation),
            TextHash = CheckHash(request.TextHash, "text_hash"),
            Wishes = Parse(request.Wishes),
            Owner = call.Principal.Name,
            Host = CheckText(request.Host, HostBytesMax, "host"),
            Asker = CheckText(request.Asker, AskerBytesMax, "asker"),
            Offered = request.Offered
                ? new BuildNeeds(CheckName(request.System), [.. request.Features.Select(CheckName).Distinct().Order(StringComparer.Ordinal)])
                : null,
        };
        CheckCount(request.Features, FeaturesMax, "features");
        var claim = await leases.AskAsync(() => metadata.ClaimBuildAsync(
            store.Id, wanted, request.Claims, leases.MayTakeOver, BuildLeases.Lease, call.Cancellation)).ConfigureAwait(false);
        if (claim.Owned > 0)
        {
            logger.BuildBegins(store.Name, claim.Owned, wanted.Derivation, wanted.Host);
        }

        else if (claim.Open is { IsQueued: true })
        {
            leases.TellQueue(store.Id);
        }

        var response = new ClaimBuildResponse { Valid = claim.IsValid, Owned = (ulong)claim.Owned, LeaseSeconds = (uint)BuildLeases.Lease.TotalSeconds };
        if (claim.Open is { } open)
        {
            response.Open = ToMessage(open);
        }

        return response;
    }

    public override async Task<TakeBuildResponse> TakeBuild(TakeBuildRequest request, ServerCallContext context)
    {
        var call = CallContext.Of(context);
        var store = await RequireAsync(call, request.Store, AccessRights.Build).ConfigureAwait(false);
        CheckCount(request.Systems, SystemsMax, "systems");
        CheckCount(request.Features, FeaturesMax, "features");
        var taker = new BuildTaker(
            call.Principal.Name,
            CheckText(request.Host, HostBytesMax, "host"),
            CheckText(request.Asker, AskerBytesMax, "asker"),
            [.. request.Systems.Select(CheckName)],
            [.. request.Features.Select(CheckName)]);
        var patience = Stopwatch.StartNew();
        var longest = TimeSpan.FromSeconds(Math.Min(request.WaitSeconds, TakeSecondsMax));
        while (true)
        {
            var news = leases.NewsOfQueue(store.Id);
            if (await leases.AskAsync(() => metadata.TakeBuildAsync(store.Id, taker, BuildLeases.Lease, call.Cancellation)).ConfigureAwait(false) is { } taken)
            {
                leases.Tell(store.Id, taken.Number);
                logger.BuildBegins(store.Name, taken.Number, taken.Derivation, taken.Host);
                return new TakeBuildResponse { Taken = ToMessage(taken), LeaseSeconds = (uint)BuildLeases.Lease.TotalSeconds };
            }

            var left = longest - patience.Elapsed;
            if (left <= TimeSpan.Zero || stopping.IsCancellationRequested)
            {
                return new TakeBuildResponse();
            }

            using var waking = CancellationTokenSource.CreateLinkedTokenSource(call.Cancellation, stopping);
            await Task.WhenAny(news, Task.Delay(left < QueueInterval ? left : QueueInterval, waking.Token)).ConfigureAwait(false);
            await waking.CancelAsync().ConfigureAwait(false);
            call.Cancellation.ThrowIfCancellationRequested();
        }
    }

    public override async Task<RenewBuildResponse> RenewBuild(RenewBuildRequest request, ServerCallContext context)
    {
        var call = CallContext.Of(context);
        var store = await RequireAsync(call, request.Store, AccessRights.Write).ConfigureAwait(false);
        if (request.Log.Length > LogPieceBytesMax)
        {
            throw Invalid($"at most {LogPieceBytesMax} bytes of a log can be sent at once");
        }

        var number = ParseNumber(request.Number);
        var renewal = await leases.AskAsync(() => metadata.RenewBuildAsync(
            store.Id, number, call.Principal.Name, BuildLeases.Lease, (long)Math.Min(request.LogPosition, long.MaxValue), request.Log.Memory, call.Cancellation))
            .ConfigureAwait(false);
        if (!request.Log.IsEmpty)
        {
            leases.Tell(store.Id, number);
        }

        return renewal is null
            ? new RenewBuildResponse { Lost = true, Cancelled = await IsCancelledAsync(store, number, call.Cancellation).ConfigureAwait(false) }
            : new RenewBuildResponse { Waiters = (uint)renewal.Waiters, LogBytes = (ulong)renewal.LogBytes };
    }

    public override async Task<FinishBuildResponse> FinishBuild(FinishBuildRequest request, ServerCallContext context)
    {
        var call = CallContext.Of(context);
        var store = await RequireAsync(call, request.Store, AccessRights.Write).ConfigureAwait(false);
        CheckStoreId(store, request.StoreId);
        CheckCount(request.Outputs, limits.QueryPathsMax, "outputs");
        CheckCount(request.Realisations, limits.QueryPathsMax, "realisations");
        CheckFinish(request);
        using var turn = await UnpackingTurnAsync(request, call.Cancellation).ConfigureAwait(false);
        var ending = Parse(call, request);
        var response = new FinishBuildResponse();
        if (request.Outputs.Count == 0)
        {
            response.Lost = !await leases.AskAsync(() => metadata.EndBuildAsync(store.Id, ending, call.Cancellation)).ConfigureAwait(false);
        }
        else
        {
            try
            {
                var registered = await leases.AskAsync(() => registrar.RegisterAsync(
                    store, [new SubmittedBatch(call.Principal, request.Outputs)], ending, call.Cancellation)).ConfigureAwait(false);
                response.Results.AddRange(registered.Results);
            }
            catch (BuildLostException)
            {
                response.Lost = true;
            }
        }

        if (request.GivenUp && !response.Lost)
        {
            logger.BuildGivenUp(store.Name, ending.Number);
        }

        leases.Tell(store.Id, ending.Number);
        response.Cancelled = response.Lost && await IsCancelledAsync(store, ending.Number, call.Cancellation).ConfigureAwait(false);
        return response;
    }

    public override async Task FollowBuild(FollowBuildRequest request, IServerStreamWriter<FollowBuildResponse> responseStream, ServerCallContext context)
    {
        var call = CallContext.Of(context);
        var store = await RequireAsync(call, request.Store, AccessRights.Write).ConfigureAwait(false);
        var number = ParseNumber(request.Number);
        var waiter = CheckText(request.Waiter, WaiterBytesMax, "waiter");
        using var hold = call.Hold();
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(call.Cancellation, hold.Ended);
        try
        {
            await FollowAsync(store, number, waiter, responseStream, ending.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (hold.Ended.IsCancellationRequested)
        {
            throw new RpcException(new Status(StatusCode.Unauthenticated, hold.Reason));
        }
        finally
        {
            await LeaveAsync(store, number, waiter).ConfigureAwait(false);
        }
    }

    public override async Task<ListBuildsResponse> ListBuilds(ListBuildsRequest request, ServerCallContext context)
    {
        var call = CallContext.Of(context);
        var store = await RequireAsync(call, request.Store, AccessRights.Read).ConfigureAwait(false);
        var response = new ListBuildsResponse();
        response.Builds.AddRange((await metadata.ListBuildsAsync(store.Id, call.Cancellation).ConfigureAwait(false)).Select(ToMessage));
        return response;
    }

    public override async Task<CancelBuildResponse> CancelBuild(CancelBuildRequest request, ServerCallContext context)
    {
        var call = CallContext.Of(context);
        var store = await RequireAsync(call, request.Store, AccessRights.Administer).ConfigureAwait(false);
        CheckCount(request.Numbers, CancelMax, "builds");
        var response = new CancelBuildResponse();
        foreach (var number in request.Numbers)
        {
            if (await metadata.CancelBuildAsync(store.Id, ParseNumber(number), call.Cancellation).ConfigureAwait(false))
            {
                response.Cancelled.Add(number);
                leases.Tell(store.Id, ParseNumber(number));
            }
        }

        return response;
    }

    private async Task FollowAsync(
        StoreRecord store, long number, string waiter, IServerStreamWriter<FollowBuildResponse> responses, CancellationToken cancellation)
    {
        long position = 0;
        string? host = null;
        long? renewed = null;
        while (true)
        {
            if (leases.IsToRenew(renewed))
            {
                renewed = leases.Timestamp;
                await leases.AskAsync(async () =>
                {
                    await metadata.KeepWaitingAsync(store.Id, number, waiter, BuildLeases.Lease, cancellation).ConfigureAwait(false);
                    return true;
                }).ConfigureAwait(false);
            }

            // The log first, all of it; the result is behind its last line.
            var news = leases.NewsOf(store.Id, number);
            var progress = await leases.AskAsync(() => metadata.FollowBuildAsync(store.Id, number, position, cancellation)).ConfigureAwait(false);
            if (progress is { State: BuildState.Running } && host is null)
            {
                host = progress.Host;
                await responses.WriteAsync(new FollowBuildResponse { Host = host }, cancellation).ConfigureAwait(false);
            }

            if (progress is { Log.Length: > 0 })
            {
                position += progress.Log.Length;
                await responses.WriteAsync(new FollowBuildResponse { Log = UnsafeByteOperations.UnsafeWrap(progress.Log) }, cancellation).ConfigureAwait(false);
            }
            else if (progress is { State: BuildState.Running or BuildState.Queued } && (progress.IsAlive || !leases.MayTakeOver))
            {
                await Task.WhenAny(news, Task.Delay(LookInterval, cancellation)).ConfigureAwait(false);
                cancellation.ThrowIfCancellationRequested();
            }
            else
            {
                await responses.WriteAsync(ToLastMessage(progress), cancellation).ConfigureAwait(false);
                return;
            }
        }
    }

    private async Task<bool> IsCancelledAsync(StoreRecord store, long number, CancellationToken cancellation) =>
        await metadata.FollowBuildAsync(store.Id, number, long.MaxValue, cancellation).ConfigureAwait(false) is { State: BuildState.Cancelled };

    private async Task LeaveAsync(StoreRecord store, long number, string waiter)
    {
        // Others look once more, and nothing is remembered of a build that no one follows.
        leases.Tell(store.Id, number);
        if (stopping.IsCancellationRequested)
        {
            // It is this server that leaves.
            return;
        }

        using var patience = new CancellationTokenSource(LeaveDeadline);
        try
        {
            await metadata.KeepWaitingAsync(store.Id, number, waiter, LeaveLease, patience.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is MetadataUnavailableException or OperationCanceledException)
        {
            // The lease runs out by itself.
        }
    }

    private static FollowBuildResponse ToLastMessage(BuildProgress? progress) => progress switch
    {
        { State: BuildState.Ended } => new FollowBuildResponse
        {
            Outcome = FollowBuildResponse.Types.Outcome.Ended,
            Status = (uint)progress.Status,
            Message = progress.Message,
            StartTime = progress.StartTime,
            StopTime = progress.StopTime,
            TextHash = UnsafeByteOperations.UnsafeWrap(progress.TextHash),
            Wishes = ToMessage(progress.Wishes),
        },
        { State: BuildState.Cancelled } => new FollowBuildResponse { Outcome = FollowBuildResponse.Types.Outcome.Cancelled },
        _ => new FollowBuildResponse { Outcome = FollowBuildResponse.Types.Outcome.TryAgain },
    };

    private static void CheckFinish(FinishBuildRequest request)
    {
        if (request.Message.Length > MessageCharactersMax || request.Message.Contains('\0', StringComparison.Ordinal))
        {
            throw Invalid($"a message has at most {MessageCharactersMax} characters and no NUL among them");
        }

        if (!request.GivenUp && request.Status is StatusBuilt or StatusSubstituted or StatusAlreadyValid && request.Outputs.Count == 0 && request.Realisations.Count == 0)
        {
            throw Invalid("a build that succeeded has outputs");
        }
    }

    // What long logs take of memory they take until the call has ended.
    private async ValueTask<RateLimitLease?> UnpackingTurnAsync(FinishBuildRequest request, CancellationToken cancellation) =>
        request.LogPlainLength > LogPieceBytesMax ? await _logs.AcquireAsync(cancellationToken: cancellation).ConfigureAwait(false) : null;

    private static BuildEnd Parse(CallContext call, FinishBuildRequest request)
    {
        var log = new BuildLog((int)Math.Min(request.LogPlainLength, int.MaxValue), request.LogZstd.Memory) { IsOfFailure = request.Outputs.Count == 0 && request.Realisations.Count == 0 };
        return new BuildEnd
        {
            Number = ParseNumber(request.Number),
            Owner = call.Principal.Name,
            State = request.GivenUp ? BuildState.GivenUp : BuildState.Ended,
            Status = (int)Math.Min(request.Status, int.MaxValue),
            Message = request.Message,
            StartTime = request.StartTime,
            StopTime = request.StopTime,
            Outputs = request.Outputs.Count > 0 ? [.. request.Outputs.Select(static output => ParsePath(output.Path?.BaseName ?? ""))] : null,
            Realisations = [.. request.Realisations.Select(ParseRealisation)],
            Log = Unpack(log),
            Kept = request.KeepLog
                ? (((string[])[request.Derivation, request.Resolved]).Where(static name => name.Length > 0).Select(ParseDerivation).ToArray(), log)
                : null,
        };
    }

    private string[] ParseIds(RepeatedField<string> ids)
    {
        CheckCount(ids, limits.QueryPathsMax, "realisations");
        foreach (string id in ids)
        {
            CheckRealisationId(id);
        }

        return [.. ids.Distinct(StringComparer.Ordinal)];
    }

    private static byte[] Unpack(BuildLog log)
    {
        CheckLog(log);
        if (log.PlainLength == 0 && log.Zstd.IsEmpty)
        {
            return [];
        }

        var plain = GC.AllocateUninitializedArray<byte>(log.PlainLength);
        return Zstd.TryDecompress(log.Zstd.Span, plain, out var written) && written == plain.Length
            ? plain
            : throw Invalid($"the log is not one zstd frame of {log.PlainLength} bytes");
    }

    // The first question of each call, and so the one that waits for a database that stands still.
    private Task<StoreRecord> RequireAsync(CallContext call, string store, AccessRights right) =>
        leases.AskAsync(() => access.RequireAsync(call.Principal, store, right, call.Cancellation).AsTask());

    // Stands in a row with others, a space between them.
    private static string CheckName(string name) => name.Contains(' ', StringComparison.Ordinal)
        ? throw Invalid($"'{name}' is not the name of a system or of a system feature")
        : CheckText(name, NameBytesMax, "name of a system or of a system feature");

    private static long ParseNumber(ulong number) =>
        number is > 0 and <= int.MaxValue ? (long)number : throw Invalid($"{number} is not the number of a build");

    private static ReadOnlyMemory<byte> CheckHash(ByteString hash, string what) =>
        hash.Length == HashBytes ? hash.Memory : throw Invalid($"{what} must have {HashBytes} bytes");

    // What is larger than the database's numbers is no limit that anyone means.
    private static BuildWishes Parse(Protocol.BuildWishes? wishes) => new(
        Math.Min(wishes?.Timeout ?? 0, long.MaxValue),
        Math.Min(wishes?.MaxSilentTime ?? 0, long.MaxValue),
        Math.Min(wishes?.MaxLogSize ?? 0, long.MaxValue),
        wishes?.KeepFailed ?? false);

    private static Protocol.BuildWishes ToMessage(BuildWishes wishes) => new()
    {
        Timeout = wishes.Timeout,
        MaxSilentTime = wishes.MaxSilentTime,
        MaxLogSize = wishes.MaxLogSize,
        KeepFailed = wishes.KeepFailed,
    };

    private static Protocol.RunningBuild ToMessage(RunningBuild build) => new()
    {
        Number = (ulong)build.Number,
        Derivation = build.Derivation.BaseName,
        TextHash = UnsafeByteOperations.UnsafeWrap(build.TextHash),
        Wishes = ToMessage(build.Wishes),
        Host = build.Host,
        Created = build.Created,
        Waiters = (uint)build.Waiters,
        Queued = build.IsQueued,
    };
}
