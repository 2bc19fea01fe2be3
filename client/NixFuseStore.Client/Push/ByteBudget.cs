namespace NixFuseStore.Client.Push;

/// <summary>Bounds the bytes that are held somewhere: who wants more than is left waits. Any thread.</summary>
internal sealed class ByteBudget(long bytesMax)
{
    private readonly Lock _gate = new();
    private readonly Queue<(long Bytes, TaskCompletionSource Granted)> _waiting = [];
    private long _held;

    // One request may exceed the whole budget; it is granted alone.
    internal async ValueTask TakeAsync(long bytes, CancellationToken cancellationToken)
    {
        TaskCompletionSource granted;
        lock (_gate)
        {
            if (_waiting.Count == 0 && Fits(bytes))
            {
                _held += bytes;
                return;
            }

            granted = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting.Enqueue((bytes, granted));
        }

        try
        {
            await granted.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            _ = ReturnWhenGrantedAsync(granted.Task, bytes);
            throw;
        }
    }

    /// <summary>Takes bytes only if no caller has to wait for that.</summary>
    internal bool TryTake(long bytes)
    {
        lock (_gate)
        {
            bool taken = _waiting.Count == 0 && Fits(bytes);
            _held += taken ? bytes : 0;
            return taken;
        }
    }

    internal void Return(long bytes)
    {
        lock (_gate)
        {
            _held -= bytes;
            while (_waiting.TryPeek(out var next) && Fits(next.Bytes))
            {
                _waiting.Dequeue();
                _held += next.Bytes;
                next.Granted.SetResult();
            }
        }
    }

    private async Task ReturnWhenGrantedAsync(Task granted, long bytes)
    {
        await granted.ConfigureAwait(false);
        Return(bytes);
    }

    private bool Fits(long bytes) => _held == 0 || _held + bytes <= bytesMax;
}
