namespace NixFuseStore.Server.Base;

/// <summary>Lets so many do something at once; the others wait. <c>using var turn = await turns.TakeAsync(…)</c></summary>
#pragma warning disable CA1001 // a SemaphoreSlim whose wait handle is never asked for holds nothing to dispose of
internal sealed class ConcurrencyLimiter(int count)
#pragma warning restore CA1001
{
    private readonly SemaphoreSlim _free = new(count);

    public async ValueTask<Turn> TakeAsync(CancellationToken cancellation)
    {
        await _free.WaitAsync(cancellation).ConfigureAwait(false);
        return new Turn(_free);
    }

    /// <summary>Held until disposed, once.</summary>
    public readonly struct Turn(SemaphoreSlim free) : IDisposable
    {
        public void Dispose() => free.Release();
    }
}
