using NixFuseStore.Client.Pushing;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;
using Outcome = NixFuseStore.Protocol.RegisterPathResult.Types.Outcome;

namespace NixFuseStore.Client.Writing;

/// <summary>
/// What is made of the server's answers about added paths. While the server is away they are tried again: for as long as patience lasts, or
/// for ever where the path was answered already.
/// </summary>
internal sealed class ImportRegistrations(StoreDirectory directory, TimeSpan patience, TimeProvider time) : IRegistrationOwner<ImportWork>
{
    /// <inheritdoc/>
    public bool IsSettled(ImportWork work)
    {
        if (work.IsAbandoned)
        {
            work.SetFailed(new StoreUnavailableException($"nobody waits for {directory.Print(work.Info.Path)} any more"));
        }

        return work.IsAbandoned;
    }

    /// <inheritdoc/>
    public bool Settle(ImportWork work, RegisterPathResult result)
    {
        string path = directory.Print(work.Info.Path);
        switch (result.Outcome)
        {
            case Outcome.Registered or Outcome.AlreadyValid or Outcome.Conflict:
                // In a conflict the first one stays, and whoever came second goes on with it.
                work.SetRegistered(result.Path);
                break;
            case Outcome.MissingReferences:
                work.SetFailed(new StoreClientException(
                    $"cannot add {path}: it refers to {string.Join(", ", result.MissingReferences.Select(name => $"{directory.Path}/{name}"))}, which is not valid in the store"));
                break;
            case Outcome.MissingChunks:
                work.SetFailed(new StoreClientException($"cannot add {path}: the server lost part of its content in between; add it again"));
                break;
            default:
                work.SetFailed(new StoreClientException($"cannot add {path}: the server refuses it: {result.Message}"));
                break;
        }

        return true;
    }

    /// <inheritdoc/>
    public bool Fail(ImportWork work, Exception exception)
    {
        if (work.IsJournalled)
        {
            // Whatever it is, a call that failed is no refusal.
            return false;
        }

        if (exception is StoreUnavailableException)
        {
            work.FirstFailure ??= time.GetTimestamp();
            if (time.GetElapsedTime(work.FirstFailure.Value) < patience)
            {
                return false;
            }
        }

        work.SetFailed(exception is StoreClientException
            ? exception
            : new StoreClientException($"cannot add {directory.Print(work.Info.Path)}: {exception.Message}", exception));
        return true;
    }
}
