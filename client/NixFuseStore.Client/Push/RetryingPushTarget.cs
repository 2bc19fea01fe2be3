using NixFuseStore.Client.Server;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Push;

/// <summary>Makes calls again while the server is away, with growing pauses, for a bounded time; counts what was sent.</summary>
internal sealed class RetryingPushTarget(IPushTarget target, TimeSpan retryFor, PushProgress progress, TimeProvider time) : IPushTarget
{
    private const double PauseGrowth = 2;

    /// <summary>A server that was never met is more likely a wrong address than one that is starting again; the first attempt counts.</summary>
    private static readonly TimeSpan FirstContactMax = TimeSpan.FromSeconds(3);

    private static readonly TimeSpan PauseFirst = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan PauseMax = TimeSpan.FromSeconds(5);

    public string StoreName => target.StoreName;

    public Task<GetStoreResponse> GetStoreAsync(CancellationToken cancellationToken) =>
        CallAsync(0, target.GetStoreAsync, cancellationToken, retryFor < FirstContactMax ? retryFor : FirstContactMax);

    public Task<QueryPathsResponse> QueryPathsAsync(QueryPathsRequest request, CancellationToken cancellationToken) =>
        CallAsync(request.CalculateSize(), token => target.QueryPathsAsync(request, token), cancellationToken);

    public Task<FindMissingChunksResponse> FindMissingChunksAsync(FindMissingChunksRequest request, CancellationToken cancellationToken) =>
        CallAsync(request.CalculateSize(), token => target.FindMissingChunksAsync(request, token), cancellationToken);

    public Task UploadAsync(IReadOnlyList<PackedChunk> chunks, CancellationToken cancellationToken) => CallAsync(
        chunks.Sum(chunk => (long)chunk.Stored.Length),
        async token =>
        {
            await target.UploadAsync(chunks, token).ConfigureAwait(false);
            return 0;
        },
        cancellationToken);

    public Task<UploadNarResponse> UploadNarAsync(Func<Stream, CancellationToken, Task> write, ulong? bytes, CancellationToken cancellationToken) =>
        CallAsync((long)(bytes ?? 0), token => target.UploadNarAsync(write, bytes, token), cancellationToken);

    public Task<RegisterPathsResponse> RegisterPathsAsync(RegisterPathsRequest request, ulong narBytes, CancellationToken cancellationToken) =>
        CallAsync(request.CalculateSize(), token => target.RegisterPathsAsync(request, narBytes, token), cancellationToken);

    private async Task<TResult> CallAsync<TResult>(
        long bytes, Func<CancellationToken, Task<TResult>> call, CancellationToken cancellationToken, TimeSpan? bound = null)
    {
        var pause = PauseFirst;
        long? firstFailure = bound is null ? null : time.GetTimestamp();
        while (true)
        {
            try
            {
                var result = await call(cancellationToken).ConfigureAwait(false);
                progress.RequestDone(bytes);
                return result;
            }
            catch (StoreUnavailableException exception)
            {
                firstFailure ??= time.GetTimestamp();
                if (time.GetElapsedTime(firstFailure.Value) + pause > (bound ?? retryFor))
                {
                    throw;
                }

                progress.Retried(exception.Message);
            }

            await Task.Delay(pause, time, cancellationToken).ConfigureAwait(false);
            pause = TimeSpan.FromTicks(Math.Min(PauseMax.Ticks, (long)(pause.Ticks * PauseGrowth)));
        }
    }
}
