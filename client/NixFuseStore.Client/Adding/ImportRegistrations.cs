using Grpc.Core;
using NixFuseStore.Client.Push;
using NixFuseStore.Client.Server;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;
using Outcome = NixFuseStore.Protocol.RegisterPathResult.Types.Outcome;

namespace NixFuseStore.Client.Adding;

/// <summary>
/// What is made of the server's answers about added paths. While the server is away they are tried again: for as long as patience lasts, or
/// for ever where the path was answered already.
/// </summary>
internal sealed class ImportRegistrations(StoreDirectory directory, TimeSpan patience, TimeProvider time) : IRegistrationOwner<ImportWork>
{
    /// <summary>How often a call with an acknowledged path alone may fail before that is the path's fault.</summary>
    private const int FailuresAloneMax = 4;

    /// <inheritdoc/>
    public bool IsSettled(ImportWork work)
    {
        if (work.IsAbandoned)
        {
            work.SetFailed(new StoreUnavailableException($"the client that added {directory.Print(work.Info.Path)} has gone"));
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
                // In a conflict the first one stays, and the client that came second goes on with it.
                work.SetRegistered(result.Path);
                break;
            case Outcome.Revoked:
                work.SetFailed(new PathRevokedException(result.Message));
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
    public bool Fail(ImportWork work, Exception exception, int together)
    {
        if (exception is StoreUnavailableException && !work.IsJournalled)
        {
            work.FirstFailure ??= time.GetTimestamp();
            if (time.GetElapsedTime(work.FirstFailure.Value) < patience)
            {
                return false;
            }
        }
        else if (work.IsJournalled && SaysNothingOfThePath(exception))
        {
            return false;
        }
        else if (together > 1 && exception is not (StoreUnavailableException or StoreAccessException or StoreConfigurationException))
        {
            // One of them is at fault, and the others are not to wait for it.
            work.CompanionsMax = together / 2;
            return false;
        }
        else if (work.IsJournalled && ++work.FailuresAlone < FailuresAloneMax)
        {
            return false;
        }

        work.SetFailed(exception is StoreClientException
            ? exception
            : new StoreClientException($"cannot add {directory.Print(work.Info.Path)}: {exception.Message}", exception));
        return true;
    }

    // The server is away, full, another one, or does not know the token any more: that ends, and the path was acknowledged.
    private static bool SaysNothingOfThePath(Exception exception) =>
        exception is StoreUnavailableException or StoreAccessException or StoreConfigurationException or OperationCanceledException
        || exception.InnerException is RpcException { StatusCode: StatusCode.ResourceExhausted or StatusCode.FailedPrecondition or StatusCode.Cancelled };
}

/// <summary>A path that is to be registered was revoked since it was acknowledged.</summary>
internal sealed class PathRevokedException(string message) : StoreClientException(message);
