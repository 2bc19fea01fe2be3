using System.Runtime.ExceptionServices;
using NixFuseStore.Content;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Push;

/// <summary>What a push makes of the server's answers: outcomes for its user, or another reading of a path whose chunks got lost.</summary>
internal sealed class PushRegistrations(
    ChunkUploadTracker ledger, StoreDirectory directory, IReadOnlySet<StorePath> damaged, Action<PathWork> readAgain, Action<PushedPath> done)
    : IRegistrationOwner<PathWork>
{
    /// <summary>How often a path is read again because the server lost chunks in between, before that counts as a failure.</summary>
    private const int AttemptsMax = 4;

    private readonly HashSet<StorePath> _failed = [];

    /// <inheritdoc/>
    public bool IsSettled(PathWork work)
    {
        if (work.Info.References.FirstOrDefault(_failed.Contains) is not { IsDefault: false } failed)
        {
            return false;
        }

        return Finish(work, PushOutcome.Failed, $"it refers to {directory.Print(failed)}, which could not be pushed");
    }

    /// <inheritdoc/>
    public bool Settle(PathWork work, RegisterPathResult result)
    {
        switch (result.Outcome)
        {
            case RegisterPathResult.Types.Outcome.Registered:
                return Finish(work, PushOutcome.Registered, "");
            case RegisterPathResult.Types.Outcome.AlreadyValid:
                return Finish(work, damaged.Contains(work.Info.Path) ? PushOutcome.Healed : PushOutcome.AlreadyValid, "");
            case RegisterPathResult.Types.Outcome.Conflict:
                return Finish(work, PushOutcome.Conflict, PushConflict.Describe(work.Info, result.Path));
            case RegisterPathResult.Types.Outcome.MissingChunks when work.Attempts < AttemptsMax:
                SendAgain(work, result);
                return false;
            case RegisterPathResult.Types.Outcome.MissingChunks:
                return Finish(work, PushOutcome.Failed, $"the server lost its chunks {AttemptsMax} times before it was registered; push again");
            case RegisterPathResult.Types.Outcome.MissingReferences:
                return Finish(work, PushOutcome.Failed, $"the server does not have what it refers to: {string.Join(", ", result.MissingReferences)}");
            default:
                return Finish(work, PushOutcome.Failed, $"the server refuses it: {result.Message}");
        }
    }

    /// <summary>A path that cannot be read is an outcome; a server that cannot be used ends the push.</summary>
    public bool Fail(PathWork work, Exception exception, int together)
    {
        if (exception is not UnreadablePathException unreadable)
        {
            ExceptionDispatchInfo.Throw(exception);
            throw exception;
        }

        return Finish(work, PushOutcome.Failed, unreadable.Message);
    }

    private void SendAgain(PathWork work, RegisterPathResult result)
    {
        byte[] bytes = result.MissingChunkIds.ToByteArray();
        work.ChunksWanted = [.. Enumerable.Range(0, bytes.Length / ChunkId.Size).Select(i => ChunkId.Read(bytes.AsSpan(i * ChunkId.Size)))];
        ledger.Forget(work.ChunksWanted);
        work.Message = null;
        readAgain(work);
    }

    private bool Finish(PathWork work, PushOutcome outcome, string message)
    {
        if (outcome == PushOutcome.Failed)
        {
            _failed.Add(work.Info.Path);
        }

        done(new PushedPath(work.Info.Path, outcome, message));
        return true;
    }
}
