using System.Diagnostics;
using System.Globalization;
using NixFuseStore.Protocol;
using NixFuseStore.Protocol.Connections;
using NixFuseStore.Protocol.Grpc;

namespace NixFuseStore.Benchmarks;

/// <summary>How many small calls a second does a server answer, and how many paths a second does it list?</summary>
internal static class CallBenchmark
{
    private const string Store = "main";
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(1);

    public static async Task RunAsync(string server, int callers, TimeSpan duration)
    {
        using var channel = new RpcChannel(new TransportOptions { Address = new Uri(server) });
        var client = new StoreClient(channel);

        // The first second of each is not counted: code is compiled meanwhile.
        await MeasureAsync(TimeSpan.FromSeconds(1), callers, CallAsync).ConfigureAwait(false);
        var calls = await MeasureAsync(duration, callers, CallAsync).ConfigureAwait(false);
        await MeasureAsync(TimeSpan.FromSeconds(1), 1, ListAsync).ConfigureAwait(false);
        var paths = await MeasureAsync(duration, 1, ListAsync).ConfigureAwait(false);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{callers} callers: {calls:F0} calls/s; listing: {paths:F0} paths/s"));

        async Task<int> CallAsync()
        {
            await client.GetStoreAsync(new GetStoreRequest { Store = Store }, Deadline).ConfigureAwait(false);
            return 1;
        }

        async Task<int> ListAsync()
        {
            var listed = 0;
            await foreach (var page in client.ListPathsAsync(new ListPathsRequest { Store = Store }, Deadline).ConfigureAwait(false))
            {
                listed += page.Entries.Count;
            }

            return listed;
        }
    }

    private static async Task<double> MeasureAsync(TimeSpan duration, int callers, Func<Task<int>> call)
    {
        var done = 0L;
        var started = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, callers).Select(_ => Task.Run(async () =>
        {
            while (Stopwatch.GetElapsedTime(started) < duration)
            {
                Interlocked.Add(ref done, await call().ConfigureAwait(false));
            }
        }))).ConfigureAwait(false);
        return done / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }
}
