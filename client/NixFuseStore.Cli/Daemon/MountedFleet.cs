using System.Net;
using System.Runtime.CompilerServices;
using Google.Protobuf;
using NixFuseStore.Builds.Fleet;
using NixFuseStore.Client;
using NixFuseStore.Client.Building;
using NixFuseStore.Client.Relations;
using NixFuseStore.Client.Server;
using NixFuseStore.Daemon;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;
using FollowOutcome = NixFuseStore.Protocol.FollowBuildResponse.Types.Outcome;
using NixRealisation = NixFuseStore.Nix.Realisations.Realisation;
using RegisterOutcome = NixFuseStore.Protocol.RegisterPathResult.Types.Outcome;

namespace NixFuseStore.Cli.Daemon;

/// <summary>The hosts that build for the store of a mount, as its server knows them.</summary>
/// <param name="calls">The server.</param>
/// <param name="reader">The store.</param>
/// <param name="announce">Comes back when the mount shows a path.</param>
internal sealed class MountedFleet(BuildCalls calls, StoreReader reader, Func<StorePath, CancellationToken, ValueTask> announce) : IBuildFleet
{
    /// <summary>A host that ends does not wait longer for a server that is away: its lease runs out by itself.</summary>
    private static readonly TimeSpan GiveUpPatience = TimeSpan.FromSeconds(5);

    /// <summary>Of a longer message its beginning and its end are told.</summary>
    private const int MessageCharactersMax = 32 << 10;

    private readonly string _host = Dns.GetHostName();
    private readonly string _asker = Guid.NewGuid().ToString("N");

    /// <inheritdoc/>
    public async Task<FleetClaim> ClaimAsync(FleetStep wanted, bool claims, CancellationToken cancellationToken)
    {
        var request = new ClaimBuildRequest
        {
            Derivation = wanted.Derivation.BaseName,
            TextHash = UnsafeByteOperations.UnsafeWrap(wanted.TextHash),
            Wishes = new BuildWishes
            {
                Timeout = wanted.Limits.Timeout,
                MaxSilentTime = wanted.Limits.MaxSilentTime,
                MaxLogSize = wanted.Limits.MaxLogSize,
                KeepFailed = wanted.KeepFailed,
            },
            Host = _host,
            Asker = _asker,
            Claims = claims,
            Offered = wanted.Offered is not null,
            System = wanted.Offered?.Systems[0] ?? "",
        };
        request.Outputs.AddRange(wanted.Outputs.Select(static path => path.BaseName));
        request.Realisations.AddRange(wanted.RealisationIds);
        request.Features.AddRange(wanted.Offered?.Features ?? []);
        var response = await StoreErrors.TranslateAsync(calls.ClaimAsync(request, cancellationToken)).ConfigureAwait(false);
        var open = response.Open is { } other ? new FleetBuild(other.Number, other.Host, other.Queued) : null;
        return new FleetClaim(response.Owned, TimeSpan.FromSeconds(response.LeaseSeconds), open, response.Valid);
    }

    /// <inheritdoc/>
    public async Task<FleetTake?> TakeAsync(BuildNeeds host, TimeSpan patience, CancellationToken cancellationToken)
    {
        var request = new TakeBuildRequest { Host = _host, Asker = _asker, WaitSeconds = (uint)patience.TotalSeconds };
        request.Systems.AddRange(host.Systems);
        request.Features.AddRange(host.Features);
        var response = await StoreErrors.TranslateAsync(calls.TakeAsync(request, cancellationToken)).ConfigureAwait(false);
        if (response.Taken is not { } taken)
        {
            return null;
        }

        return StorePath.TryParseBaseName(taken.Derivation, out var derivation)
            ? new FleetTake(taken.Number, TimeSpan.FromSeconds(response.LeaseSeconds), derivation, Limits(taken.Wishes))
            : throw new DaemonStoreException($"the server names a derivation that is none: '{taken.Derivation}'");
    }

    /// <inheritdoc/>
    public async Task<FleetRenewal> RenewAsync(ulong number, long position, ReadOnlyMemory<byte> log, CancellationToken cancellationToken)
    {
        var request = new RenewBuildRequest { Number = number, LogPosition = (ulong)position, Log = UnsafeByteOperations.UnsafeWrap(log) };
        var response = await StoreErrors.TranslateAsync(calls.RenewAsync(request, cancellationToken)).ConfigureAwait(false);
        var state = response.Cancelled ? FleetState.Cancelled : response.Lost ? FleetState.Lost : FleetState.Running;
        return new FleetRenewal(state, (int)response.Waiters, (long)response.LogBytes);
    }

    /// <inheritdoc/>
    public async Task<FleetEnd> FinishAsync(
        ulong number, BuildStep build, StepResult result, IReadOnlyList<BuiltOutput> outputs, Stream log, CancellationToken cancellationToken)
    {
        var (zstd, plainLength) = await BuildLogs.PackAsync(log, cancellationToken).ConfigureAwait(false);
        var request = new FinishBuildRequest
        {
            Number = number,
            Status = (uint)result.Status,
            Message = Shorten(result.ErrorMessage),
            StartTime = result.StartTime,
            StopTime = result.StopTime,
            LogZstd = zstd,
            LogPlainLength = plainLength,

            // Stock Nix calls it so where the disk was full, or the network was needed: what this host tells its own clients, others find out themselves.
            GivenUp = result.Status == BuildStatus.TransientFailure,

            // Of a derivation that a client made up nothing is kept under the name of another.
            KeepLog = build.IsRegistered,
            Derivation = build.Path.BaseName,
            Resolved = build.ResolvedPath?.BaseName ?? "",
        };
        request.Realisations.AddRange(build.RealisationIds.Where(one => result.Outputs.ContainsKey(one.Key)).Select(
            one => new Realisation { Id = one.Value, Json = NixRealisation.Create(one.Value, result.Outputs[one.Key]).Json }));
        var imports = outputs.Select(static output => (((MountedPathImport)output.Import).Import, output.Info)).ToArray();
        var response = await StoreErrors.TranslateAsync(calls.FinishAsync(request, imports, cancellationToken)).ConfigureAwait(false);
        return response switch
        {
            { Cancelled: true } => FleetEnd.Cancelled,
            { Lost: true } => FleetEnd.Lost,
            _ when response.Results.Any(static one => one.Outcome == RegisterOutcome.Conflict) => FleetEnd.OthersValid,
            _ => FleetEnd.Registered,
        };
    }

    /// <inheritdoc/>
    public async Task GiveUpAsync(ulong number)
    {
        using var patience = new CancellationTokenSource(GiveUpPatience);
        try
        {
            await calls.FinishAsync(new FinishBuildRequest { Number = number, GivenUp = true }, [], patience.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is StoreClientException or OperationCanceledException)
        {
            // Its lease runs out.
        }
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<FleetNews> FollowAsync(ulong number, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var news = calls.FollowAsync(number, $"{_asker}.{Guid.NewGuid():N}", cancellationToken).GetAsyncEnumerator(cancellationToken);
        await using (news.ConfigureAwait(false))
        {
            while (await StoreErrors.TranslateAsync(news.MoveNextAsync()).ConfigureAwait(false))
            {
                yield return Read(news.Current);
            }
        }
    }

    /// <inheritdoc/>
    public async Task AdoptAsync(IReadOnlyCollection<StorePath> paths, CancellationToken cancellationToken)
    {
        foreach (var path in await StoreErrors.TranslateAsync(reader.FilterValidAsync(paths, cancellationToken)).ConfigureAwait(false))
        {
            await announce(path, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public bool IsRefusal(DaemonStoreException failure) => failure.InnerException is StoreAccessException;

    // What Nix says of a failure quotes what was printed.
    private static string Shorten(string message)
    {
        string clean = message.Replace('\0', '\uFFFD');
        return clean.Length <= MessageCharactersMax
            ? clean
            : string.Concat(clean.AsSpan(0, MessageCharactersMax / 2), "\n…\n", clean.AsSpan(clean.Length - (MessageCharactersMax / 2)));
    }

    private static BuildLimits Limits(BuildWishes wishes) => new(wishes.Timeout, wishes.MaxSilentTime, wishes.MaxLogSize, null);

    private static FleetNews Read(FollowBuildResponse message) => message.Outcome switch
    {
        FollowOutcome.Running => new FleetNews(message.Log.Memory, FleetState.Running, Host: message.Host.Length > 0 ? message.Host : null),
        FollowOutcome.Ended => new FleetNews(
            default,
            FleetState.Ended,
            new StepResult((BuildStatus)message.Status, message.Message) { StartTime = message.StartTime, StopTime = message.StopTime },
            new FleetTerms(message.TextHash.Memory, Limits(message.Wishes), message.Wishes.KeepFailed)),
        FollowOutcome.Cancelled => new FleetNews(default, FleetState.Cancelled),
        _ => new FleetNews(default, FleetState.Lost),
    };
}
