using System.Collections.Concurrent;
using NixFuseStore.Client.Server;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Paths;

/// <summary>
/// Brings paths that are looked up by name from the upstream caches of the store. A program that goes through made-up names asks one question a
/// name and a while, a few at a time. Any thread.
/// </summary>
/// <param name="calls">The server.</param>
/// <param name="time">How long answers are remembered.</param>
/// <param name="stopping">Ends what is under way.</param>
#pragma warning disable CA1001 // a SemaphoreSlim whose wait handle is never asked for holds nothing to dispose of
internal sealed class UpstreamImports(RetryPolicy calls, TimeProvider time, CancellationToken stopping)
#pragma warning restore CA1001
{
    /// <summary>Questions to the server at the same time.</summary>
    private const int QuestionsMax = 8;

    /// <summary>Imports at the same time; they may take minutes.</summary>
    private const int ImportsMax = 8;

    /// <summary>Paths that are asked for or imported, or wait for that; more are not begun.</summary>
    private const int RunningMax = 64;

    /// <summary>Absent paths remembered; beyond, all are forgotten.</summary>
    private const int AbsentMax = 4096;

    private static readonly TimeSpan QuestionDeadline = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan ImportDeadline = TimeSpan.FromHours(1);
    private static readonly TimeSpan AbsenceRememberedFor = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan FailureRememberedFor = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<string, Task<string?>> _running = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, (long Since, string? Failure)> _ended = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _questions = new(QuestionsMax);
    private readonly SemaphoreSlim _imports = new(ImportsMax);

    /// <summary>When the server said that the store has no upstream cache; 0 where it has not.</summary>
    private long _noUpstreamsSince;

    /// <summary>Makes a path valid, if an upstream cache has it. Goes on when the caller does not wait any more.</summary>
    /// <returns>Whether it is valid now; false where no cache has it.</returns>
    /// <exception cref="StoreUnavailableException">A cache has it, but it could not be brought (yet).</exception>
    public async Task<bool> TryImportAsync(StorePath path, TimeSpan patience, CancellationToken cancellationToken)
    {
        if (Volatile.Read(ref _noUpstreamsSince) is var since and not 0 && time.GetElapsedTime(since) < AbsenceRememberedFor)
        {
            return false;
        }

        if (_ended.TryGetValue(path.HashPart, out var ended) && time.GetElapsedTime(ended.Since) < (ended.Failure is null ? AbsenceRememberedFor : FailureRememberedFor))
        {
            return ended.Failure is null ? false : throw new StoreUnavailableException(ended.Failure);
        }

        if (!_running.ContainsKey(path.HashPart) && _running.Count >= RunningMax)
        {
            throw new StoreUnavailableException($"{RunningMax} paths are being fetched from upstream caches; {path} is not begun before some are here");
        }

        var import = _running.GetOrAdd(path.HashPart, _ => Task.Run(() => RunAsync(path), CancellationToken.None));
        try
        {
            var failure = await import.WaitAsync(patience, time, cancellationToken).ConfigureAwait(false);
            return failure switch
            {
                null => true,
                "" => false,
                _ => throw new StoreUnavailableException(failure),
            };
        }
        catch (TimeoutException e)
        {
            throw new StoreUnavailableException(
                $"{path} is not here; an upstream cache is asked for it in the background, try again ('nixfuse prefetch' waits for it)", e);
        }
    }

    /// <returns>Null: valid now; empty: no cache has it; else why it cannot be had.</returns>
    private async Task<string?> RunAsync(StorePath path)
    {
        try
        {
            var outcome = await ImportAsync(path).ConfigureAwait(false);
            if (outcome is not null)
            {
                Remember(path, outcome.Length == 0 ? null : outcome);
            }

            return outcome;
        }
        catch (StoreClientException e)
        {
            return e.Message;
        }
        catch (OperationCanceledException)
        {
            return "the store is being closed";
        }
        finally
        {
            _running.TryRemove(path.HashPart, out _);
        }
    }

    private async Task<string?> ImportAsync(StorePath path)
    {
        // 1. Whether there is anything to import, which is a matter of moments.
        await _questions.WaitAsync(stopping).ConfigureAwait(false);
        try
        {
            var question = new QuerySubstitutableRequest { Store = calls.StoreName };
            question.HashParts.Add(path.HashPart);
            var answer = await calls.CallAsync(
                (endpoint, token) => endpoint.Store.QuerySubstitutableAsync(question, QuestionDeadline, token), stopping).ConfigureAwait(false);
            Volatile.Write(ref _noUpstreamsSince, answer.NoUpstreams ? time.GetTimestamp() : 0);
            if (!answer.Paths.Any(found => found.BaseName == path.BaseName))
            {
                return "";
            }
        }
        finally
        {
            _questions.Release();
        }

        // 2. The path with all that it refers to.
        await _imports.WaitAsync(stopping).ConfigureAwait(false);
        try
        {
            var request = new SubstituteRequest { Store = calls.StoreName };
            request.HashParts.Add(path.HashPart);
            var answer = await calls.CallAsync(
                (endpoint, token) => endpoint.Store.SubstituteAsync(request, ImportDeadline, token), stopping).ConfigureAwait(false);
            return answer.Results is [{ Outcome: SubstituteResult.Types.Outcome.Substituted or SubstituteResult.Types.Outcome.AlreadyValid }]
                ? null
                : $"{path} cannot be fetched from an upstream cache: {answer.Results.FirstOrDefault()?.Message}";
        }
        finally
        {
            _imports.Release();
        }
    }

    private void Remember(StorePath path, string? failure)
    {
        if (_ended.Count >= AbsentMax)
        {
            _ended.Clear();
        }

        _ended[path.HashPart] = (time.GetTimestamp(), failure);
    }
}
