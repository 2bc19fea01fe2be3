using System.Threading.Channels;
using NixFuseStore.Content;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Pushing;

/// <summary>
/// Registers paths whose chunks are on the server, referenced paths before those that refer to them, several at a time. One loop
/// owns all its state; others only put events into its inbox.
/// </summary>
internal sealed class RegistrationQueue(IPushTarget target, ChunkLedger ledger, StoreDirectory directory, Action<PathWork> readAgain, Action<PushedPath> done)
{
    /// <summary>Bounds of one registration: paths, bytes of the message, plain bytes of its manifests, bytes that the server has to verify before it can answer.</summary>
    private const int PathsMax = 500;
    private const int MessageBytesMax = 4 << 20;
    private const long SectionBytesMax = 64L << 20;
    private const long NarBytesMax = 128L << 20;

    /// <summary>Registrations under way at once; the server verifies each on one core.</summary>
    private const int CallsMax = 4;

    /// <summary>How long a registration that is not full waits for more paths.</summary>
    private static readonly TimeSpan Linger = TimeSpan.FromMilliseconds(10);

    /// <summary>How often a path is read again because the server lost chunks in between, before that counts as a failure.</summary>
    private const int AttemptsMax = 4;

    private readonly Channel<Event> _inbox = Channel.CreateUnbounded<Event>();
    private readonly SortedDictionary<int, PathWork> _ready = [];
    private readonly HashSet<StorePath> _unfinished = [];
    private readonly HashSet<StorePath> _failed = [];
    private int _calls;

    /// <summary>To be called before the loop runs, with all paths that will become ready or fail.</summary>
    internal void Expect(IEnumerable<PathWork> paths) => _unfinished.UnionWith(paths.Select(path => path.Info.Path));

    /// <summary>The path was read and all its chunks are on the server. Any thread.</summary>
    internal void Ready(PathWork path) => _inbox.Writer.TryWrite(new Event(path, null, null));

    /// <summary>The path could not be read. Any thread.</summary>
    internal void Fail(PathWork path, string message) => _inbox.Writer.TryWrite(new Event(path, message, null));

    /// <summary>Runs until every expected path has its outcome.</summary>
    internal async Task RunAsync(CancellationToken cancellationToken)
    {
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            while (_unfinished.Count > 0)
            {
                Handle(await _inbox.Reader.ReadAsync(cancellationToken).ConfigureAwait(false));
                DrainInbox();
                if (_ready.Count is > 0 and < PathsMax && _calls < CallsMax)
                {
                    await Task.Delay(Linger, cancellationToken).ConfigureAwait(false);
                    DrainInbox();
                }

                while (_calls < CallsMax && TakeBatch() is { Count: > 0 } batch)
                {
                    _calls++;
                    _ = RegisterAsync(batch, stopping.Token);
                }
            }
        }
        finally
        {
            await stopping.CancelAsync().ConfigureAwait(false);
        }
    }

    private void DrainInbox()
    {
        while (_inbox.Reader.TryRead(out var next))
        {
            Handle(next);
        }
    }

    private void Handle(Event next)
    {
        if (next.Answer is { } answer)
        {
            _calls--;
            answer();
        }
        else if (next.Failure is { } failure)
        {
            Finish(next.Path!, PushOutcome.Failed, failure);
        }
        else
        {
            _ready.Add(next.Path!.Number, next.Path);
        }
    }

    // The paths, in their order, that refer only to what is registered or stands before them.
    private List<PathWork> TakeBatch()
    {
        var batch = new List<PathWork>();
        var taken = new HashSet<StorePath>();
        int messageBytes = 0;
        long sectionBytes = 0;
        ulong narBytes = 0;
        foreach (var path in _ready.Values.ToArray())
        {
            var references = path.Info.References;
            if (references.FirstOrDefault(_failed.Contains) is { IsDefault: false } failed)
            {
                _ready.Remove(path.Number);
                Finish(path, PushOutcome.Failed, $"it refers to {directory.Print(failed)}, which could not be pushed");
                continue;
            }

            if (references.Any(reference => reference != path.Info.Path && _unfinished.Contains(reference) && !taken.Contains(reference)))
            {
                continue;
            }

            messageBytes += path.MessageBytes;
            sectionBytes += path.Message!.Sections.Sum(section => (long)section.PlainLength);
            narBytes += path.Message.Path.NarSize;
            if (batch.Count > 0
                && (batch.Count == PathsMax || messageBytes > MessageBytesMax || sectionBytes > SectionBytesMax || narBytes > (ulong)NarBytesMax))
            {
                break;
            }

            _ready.Remove(path.Number);
            taken.Add(path.Info.Path);
            batch.Add(path);
        }

        return batch;
    }

    private async Task RegisterAsync(List<PathWork> batch, CancellationToken cancellationToken)
    {
        var request = new RegisterPathsRequest { Store = target.StoreName };
        request.Paths.AddRange(batch.Select(path => path.Message));
        ulong narBytes = batch.Aggregate(0UL, (sum, path) => sum + path.Message!.Path.NarSize);
        Action answer;
        try
        {
            var response = await target.RegisterPathsAsync(request, narBytes, cancellationToken).ConfigureAwait(false);
            answer = response.Results.Count == batch.Count
                ? () => Settle(batch, response)
                : () => throw new StoreClientException($"the server answered for {response.Results.Count} paths where {batch.Count} were registered");
        }
#pragma warning disable CA1031 // Whatever it is, the loop throws it, where its caller sees it.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            answer = System.Runtime.ExceptionServices.ExceptionDispatchInfo.Capture(exception).Throw;
        }

        _inbox.Writer.TryWrite(new Event(null, null, answer));
    }

    private void Settle(List<PathWork> batch, RegisterPathsResponse response)
    {
        for (int i = 0; i < batch.Count; i++)
        {
            Settle(batch[i], response.Results[i]);
        }
    }

    private void Settle(PathWork path, RegisterPathResult result)
    {
        switch (result.Outcome)
        {
            case RegisterPathResult.Types.Outcome.Registered:
                Finish(path, PushOutcome.Registered, "");
                break;
            case RegisterPathResult.Types.Outcome.AlreadyValid:
                Finish(path, PushOutcome.AlreadyValid, "");
                break;
            case RegisterPathResult.Types.Outcome.Conflict:
                Finish(path, PushOutcome.Conflict, PushConflict.Describe(path.Info, result.Path));
                break;
            case RegisterPathResult.Types.Outcome.MissingChunks when path.Attempts < AttemptsMax:
                SendAgain(path, result);
                break;
            case RegisterPathResult.Types.Outcome.MissingChunks:
                Finish(path, PushOutcome.Failed, $"the server lost its chunks {AttemptsMax} times before it was registered; push again");
                break;
            case RegisterPathResult.Types.Outcome.MissingReferences:
                Finish(path, PushOutcome.Failed, $"the server does not have what it refers to: {string.Join(", ", result.MissingReferences)}");
                break;
            default:
                Finish(path, PushOutcome.Failed, $"the server refuses it: {result.Message}");
                break;
        }
    }

    private void SendAgain(PathWork path, RegisterPathResult result)
    {
        byte[] bytes = result.MissingChunkIds.ToByteArray();
        path.ChunksWanted = [.. Enumerable.Range(0, bytes.Length / ChunkId.Size).Select(i => ChunkId.Read(bytes.AsSpan(i * ChunkId.Size)))];
        ledger.Forget(path.ChunksWanted);
        path.Message = null;
        readAgain(path);
    }

    private void Finish(PathWork path, PushOutcome outcome, string message)
    {
        path.Message = null;
        _unfinished.Remove(path.Info.Path);
        if (outcome == PushOutcome.Failed)
        {
            _failed.Add(path.Info.Path);
        }

        done(new PushedPath(path.Info.Path, outcome, message));
    }

    // A path that is ready (only Path), one that failed (with Failure), or the end of a call (Answer).
    private sealed record Event(PathWork? Path, string? Failure, Action? Answer);
}
