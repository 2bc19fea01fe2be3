namespace NixFuseStore.Daemon.Adding;

/// <summary>
/// Registrations of one request under way while the next object is still being read. They begin in order, so that what refers to
/// others begins after them. Disposed, it has none under way.
/// </summary>
internal sealed class RegistrationWindow(int underWayMax) : IAsyncDisposable
{
    private readonly Queue<Task> _underWay = new();

    /// <summary>Begins a registration, and disposes the import when that is over. Waits for the oldest where there are many.</summary>
    /// <exception cref="DaemonStoreException">An earlier one failed; then this one has not begun.</exception>
    internal async ValueTask AddAsync(IPathImport import, Func<Task> register)
    {
        try
        {
            while (_underWay.Count >= underWayMax || (_underWay.TryPeek(out var oldest) && oldest.IsCompleted))
            {
                await _underWay.Dequeue();
            }
        }
        catch
        {
            await import.DisposeAsync();
            throw;
        }

        _underWay.Enqueue(RunAsync(import, register));
    }

    /// <summary>Waits for all.</summary>
    /// <exception cref="DaemonStoreException">One failed.</exception>
    internal async ValueTask CompleteAsync()
    {
        while (_underWay.TryDequeue(out var oldest))
        {
            await oldest;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        while (_underWay.TryDequeue(out var oldest))
        {
            // The first failure has been told; later ones mostly follow from it.
            await oldest.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static async Task RunAsync(IPathImport import, Func<Task> register)
    {
        await using (import)
        {
            await register();
        }
    }
}
