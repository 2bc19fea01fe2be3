
namespace NixFuseStore.Client.Server;

/// <summary>
/// Makes calls for callers that would rather wait a while than fail: a server that is started again, or that another one takes over for, is
/// waited for. Calls may be made twice. Any thread.
/// </summary>
internal sealed class RetryPolicy(ServerConnection connection, ServerHealth health, TimeProvider time)
{
    /// <summary>How long a server may be away before a call fails: long enough for one that is started again, short for a user at a terminal.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    public string StoreName => connection.StoreName;

    /// <exception cref="StoreUnavailableException">The server is away for longer than patience lasts.</exception>
    /// <exception cref="StoreClientException">The call failed in another way, which trying again would not help.</exception>
    public async Task<T> CallAsync<T>(Func<ServerEndpoint, CancellationToken, Task<T>> call, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        while (true)
        {
            var left = Patience - time.GetElapsedTime(started);
            try
            {
                await health.WaitUpAsync(left > TimeSpan.Zero ? left : TimeSpan.Zero, cancellationToken, hopeFor: Patience).ConfigureAwait(false);
                return await connection.CallAsync(call, cancellationToken).ConfigureAwait(false);
            }
            catch (StoreUnavailableException) when (time.GetElapsedTime(started) + Pause < Patience && (health.IsUp || health.TimeInState < Patience))
            {
                health.Suspect();
                await Task.Delay(Pause, time, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>The same for a stream of answers, all of them at once.</summary>
    public Task<List<T>> CallAllAsync<T>(Func<ServerEndpoint, CancellationToken, IAsyncEnumerable<T>> call, CancellationToken cancellationToken) =>
        CallAsync(
            async (endpoint, token) =>
            {
                var all = new List<T>();
                await foreach (var answer in call(endpoint, token).ConfigureAwait(false))
                {
                    all.Add(answer);
                }

                return all;
            },
            cancellationToken);
}
