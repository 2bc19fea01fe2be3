using System.Diagnostics;
using System.Security.Cryptography;
using NixFuseStore.Protocol;
using NixFuseStore.Protocol.Connections;
using NixFuseStore.Protocol.Grpc;

namespace NixFuseStore.Benchmarks;

/// <summary>Adds signatures to the paths of a server at a rate, for what else is measured meanwhile.</summary>
internal static class SigningLoad
{
    private const string Store = "main";
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(1);

    public static async Task RunAsync(string server, int perSecond, TimeSpan duration)
    {
        using var channel = new RpcChannel(new TransportOptions { Address = new Uri(server) });
        var client = new StoreClient(channel);
        var names = new List<string>();
        await foreach (var page in client.ListPathsAsync(new ListPathsRequest { Store = Store, Limit = 2_000 }, Deadline).ConfigureAwait(false))
        {
            names.AddRange(page.Entries.Select(entry => entry.BaseName));
        }

        var started = Stopwatch.GetTimestamp();
        var added = 0;
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1.0 / perSecond));
        while (Stopwatch.GetElapsedTime(started) < duration && await timer.WaitForNextTickAsync().ConfigureAwait(false))
        {
            // Kept as they are: who relies on one checks it.
            var signatures = new PathSignatures { BaseName = names[added % names.Count] };
            signatures.Signatures.Add($"benchmark-{added}:{Convert.ToBase64String(RandomNumberGenerator.GetBytes(64))}");
            var request = new AddSignaturesRequest { Store = Store };
            request.Paths.Add(signatures);
            await client.AddSignaturesAsync(request, Deadline).ConfigureAwait(false);
            added++;
        }

        Console.WriteLine($"{added} signatures in {Stopwatch.GetElapsedTime(started).TotalSeconds:F1} s");
    }
}
