using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Paths;

/// <summary>One question about a path on its way, shared by all who ask it.</summary>
internal sealed class ClosureLookup
{
    private readonly TaskCompletionSource<PathRecord?> _found = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The path's record as soon as it arrived; null where it is not valid.</summary>
    public Task<PathRecord?> Found => _found.Task;

    /// <summary>Ends when everything that the server sends along has arrived.</summary>
    public Task Whole { get; set; } = Task.CompletedTask;

    public void SetFound(PathRecord? record) => _found.TrySetResult(record);

    public void Fail(Exception exception)
    {
        _found.TrySetException(exception);

        // The caller may have given up by now.
        _ = _found.Task.Exception;
    }
}
