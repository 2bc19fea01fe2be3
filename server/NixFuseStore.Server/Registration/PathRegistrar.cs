using System.Diagnostics;
using System.Threading.RateLimiting;
using Grpc.Core;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;
using NixFuseStore.Server.Base;
using NixFuseStore.Server.Signing;
using NixFuseStore.Storage.Chunks;
using NixFuseStore.Storage.Metadata;
using Outcome = NixFuseStore.Protocol.RegisterPathResult.Types.Outcome;

namespace NixFuseStore.Server.Registration;

/// <summary>
/// Makes paths valid: understands, verifies and signs what clients claim, then lets storage register it in one transaction.
/// Nothing is believed, and a claim that fails leaves the others of its call alone. Calls may overlap.
/// </summary>
internal sealed partial class PathRegistrar(
    IMetadataStore metadata,
    ChunkStore chunks,
    StoreKeys keys,
    SubmittedPathParser parser,
    SubmittedPathVerifier verifier,
    DerivationChecker derivations,
    ServerLimits limits,
    ServerMetrics metrics,
    ILogger logger)
{
    /// <summary>Bytes of content and of manifests, all claims of a call together, that one thread goes through by itself.</summary>
    private const long LittleBytesMax = 1 << 20;

    /// <summary>Calls that hold decoded manifests at the same time.</summary>
    private readonly ConcurrencyLimiter _calls = Limiters.Waiting(limits.RegistrationsMax);

    /// <summary>Verifications that run at the same time, over all calls.</summary>
    private readonly ConcurrencyLimiter _verifications = Limiters.Waiting(limits.VerificationsMax);

    /// <summary>Registers paths in one transaction.</summary>
    /// <param name="store">The store.</param>
    /// <param name="batches">One or more, of callers that may know of the same chunks.</param>
    /// <param name="ending">The build that ends with these outputs, all of which become valid or none; null where no build made them.</param>
    /// <param name="cancellation">Gives up, unless the transaction has begun.</param>
    /// <returns>A result for each path, in their order.</returns>
    /// <exception cref="BuildLostException">The build is not the caller's any more.</exception>
    public async Task<RegisterPathsResponse> RegisterAsync(
        StoreRecord store, IReadOnlyList<SubmittedBatch> batches, BuildEnd? ending, CancellationToken cancellation)
    {
        var paths = batches.Count == 1 ? batches[0].Paths : [.. batches.SelectMany(static batch => batch.Paths)];
        var scope = batches[0].Principal.ReadableChunks;
        using var turn = await _calls.AcquireAsync(cancellationToken: cancellation).ConfigureAwait(false);
        var watch = Stopwatch.StartNew();
        var directory = new StoreDirectory(store.StoreDirectory);
        var results = new RegisterPathResult[paths.Count];

        // 1. Understand metadata and headers.
        var claims = Parse(paths, directory, (uint)store.ChunkingParameters, results);

        // 2. What is valid already is answered from the database.
        claims = await AnswerValidAsync(store, claims, results, cancellation).ConfigureAwait(false);

        // 3. Decode the manifests, and find the chunks that they name.
        await ForEachAsync(claims, results, parser.Decode, cancellation).ConfigureAwait(false);
        claims = Remaining(claims, results);
        await LocateAsync(scope, claims, results, cancellation).ConfigureAwait(false);
        claims = Remaining(claims, results);

        // 4. Prove the content, on all cores, and what derivations say of their outputs.
        await ForEachAsync(claims, results, claim => verifier.Verify(claim, directory, cancellation), cancellation).ConfigureAwait(false);
        claims = Remaining(claims, results);
        await derivations.CheckAsync(
            store,
            directory,
            claims,
            (claim, refused) => results[claim.Index] = Refused(refused),
            (claim, inputs) => results[claim.Index] = MissingReferences(inputs),
            cancellation).ConfigureAwait(false);
        claims = Remaining(claims, results);

        // 5. Keep the chunks that came along, sign, and make valid.
        if (ending is null || !HoldBack(claims, results))
        {
            await StoreInlineChunksAsync(store, claims, cancellation).ConfigureAwait(false);
            await CommitAsync(store, scope, directory, claims, results, ending, cancellation).ConfigureAwait(false);
        }

        Report(store, batches, results, watch.ElapsedMilliseconds);
        var response = new RegisterPathsResponse();
        response.Results.AddRange(results);
        return response;
    }

    private List<SubmittedPath> Parse(
        IReadOnlyList<NewPath> paths, StoreDirectory directory, uint chunkingParameters, RegisterPathResult[] results)
    {
        var claims = new List<SubmittedPath>(paths.Count);
        long decodedBytes = 0;
        for (var i = 0; i < paths.Count; i++)
        {
            try
            {
                var claim = SubmittedPathParser.Parse(i, paths[i], directory, chunkingParameters);
                claims.Add(claim);
                decodedBytes += SubmittedPathParser.DecodedBytes(claim.Header);
            }
            catch (RejectedRequestException e)
            {
                results[i] = Refused(e);
            }
        }

        // A single path may have sections up to their own bound; a call of many may not add up to more.
        return decodedBytes <= limits.RegistrationBytesMax || claims.Count == 1
            ? claims
            : throw new RpcException(new Status(
                StatusCode.ResourceExhausted,
                $"the manifests of these {paths.Count} paths decode to {decodedBytes} bytes, more than {limits.RegistrationBytesMax}: send fewer at once"));
    }

    /// <summary>Runs a step for each claim that is still in the race; what the step refuses has its result then.</summary>
    private async Task ForEachAsync(List<SubmittedPath> claims, RegisterPathResult[] results, Action<SubmittedPath> step, CancellationToken cancellation)
    {
        // What is little is done here: to hand it to other threads takes longer.
        if (claims.Sum(static claim => (decimal)claim.Info.NarSize + SubmittedPathParser.DecodedBytes(claim.Header)) <= LittleBytesMax)
        {
            using var turn = await _verifications.AcquireAsync(cancellationToken: cancellation).ConfigureAwait(false);
            foreach (var claim in claims)
            {
                cancellation.ThrowIfCancellationRequested();
                await RunAsync(claim, results, step, cancellation).ConfigureAwait(false);
            }

            return;
        }

        var options = new ParallelOptions { MaxDegreeOfParallelism = limits.VerificationsMax, CancellationToken = cancellation };
        await Parallel.ForEachAsync(claims, options, async (claim, token) =>
        {
            using var turn = await _verifications.AcquireAsync(cancellationToken: token).ConfigureAwait(false);
            await RunAsync(claim, results, step, token).ConfigureAwait(false);
        }).ConfigureAwait(false);
    }

    private async ValueTask RunAsync(SubmittedPath claim, RegisterPathResult[] results, Action<SubmittedPath> step, CancellationToken cancellation)
    {
        try
        {
            step(claim);
        }
        catch (RejectedRequestException e)
        {
            results[claim.Index] = Refused(e);
        }
        catch (ChunkDamagedException)
        {
            results[claim.Index] = await FindMissingAsync(claim, cancellation).ConfigureAwait(false);
        }
    }

    private static List<SubmittedPath> Remaining(List<SubmittedPath> claims, RegisterPathResult[] results) =>
        claims.FindAll(claim => results[claim.Index] is null);

    /// <summary>Of a build's outputs none becomes valid where one cannot; says whether that is so.</summary>
    private static bool HoldBack(List<SubmittedPath> claims, RegisterPathResult[] results)
    {
        if (results.All(static result => result is null or { Outcome: Outcome.AlreadyValid or Outcome.Conflict }))
        {
            return false;
        }

        claims.ForEach(claim => results[claim.Index] = HeldBack());
        return true;
    }

    private static RegisterPathResult HeldBack() => new() { Outcome = Outcome.HeldBack, Message = "another output of its build cannot be registered" };

    private static RegisterPathResult Refused(RejectedRequestException e) => new() { Outcome = Outcome.Refused, Message = e.Message };

    private void Report(StoreRecord store, IReadOnlyList<SubmittedBatch> batches, RegisterPathResult[] results, long milliseconds)
    {
        foreach (var outcome in results.CountBy(static result => result.Outcome))
        {
            metrics.OnRegistered(outcome.Value, OutcomeName(outcome.Key));
        }

        var first = 0;
        var counts = new Dictionary<string, (int Registered, int Asked)>(StringComparer.Ordinal);
        foreach (var (principal, paths) in batches)
        {
            var (registered, asked) = counts.GetValueOrDefault(principal.Name);
            for (var i = 0; i < paths.Count; i++)
            {
                var result = results[first + i];
                registered += result.Outcome == Outcome.Registered ? 1 : 0;
                if (result.Outcome == Outcome.Refused)
                {
                    logger.Refused(store.Name, paths[i].Path?.BaseName ?? "", result.Message, principal.Name);
                }
            }

            first += paths.Count;
            counts[principal.Name] = (registered, asked + paths.Count);
        }

        // One line for all that a caller had waiting.
        foreach (var (principal, (registered, asked)) in counts)
        {
            logger.Registered(store.Name, registered, asked, milliseconds, principal);
        }
    }

    private static string OutcomeName(Outcome outcome) => outcome switch
    {
        Outcome.Registered => "registered",
        Outcome.AlreadyValid => "already_valid",
        Outcome.Conflict => "conflict",
        Outcome.MissingChunks => "missing_chunks",
        Outcome.MissingReferences => "missing_references",
        Outcome.Revoked => "revoked",
        Outcome.HeldBack => "held_back",
        _ => "refused",
    };
}
