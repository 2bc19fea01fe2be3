using NixFuseStore.Client.Push;
using NixFuseStore.Client.Server;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Adding;

/// <summary>A path that a client added, on its way to the server.</summary>
/// <param name="number">Its place in the order of additions.</param>
/// <param name="info">What is to be recorded.</param>
internal sealed class ImportWork(long number, PathInfo info) : RegistrationWork(number, info)
{
    private readonly TaskCompletionSource<PathRecord> _registered = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Whether it was answered already, so that it must get there however long that takes. Set before it is ready.</summary>
    internal bool IsJournalled { get; set; }

    /// <inheritdoc/>
    internal override bool IsUrgent => !IsJournalled;

    /// <summary>The record as it is registered; fails with a <see cref="StoreClientException"/>.</summary>
    internal Task<PathRecord> Registered => _registered.Task;

    /// <summary>Its caller has given up. A call that is under way still counts.</summary>
    internal bool IsAbandoned { get; private set; }

    /// <summary>When a call with it failed for the first time, as a timestamp of the clock; null before. Used by the queue's loop alone.</summary>
    internal long? FirstFailure { get; set; }

    /// <summary>How often a call with it alone failed. Used by the queue's loop alone.</summary>
    internal int FailuresAlone { get; set; }

    internal void Abandon() => IsAbandoned = true;

    internal void SetRegistered(PathRecord record) => _registered.TrySetResult(record);

    internal void SetFailed(Exception exception)
    {
        _registered.TrySetException(exception);

        // The caller may have given up by now.
        _ = _registered.Task.Exception;
    }
}
