using System.Diagnostics;
using System.Globalization;
using System.Text;
using Google.Protobuf;
using NixFuseStore.Content;
using NixFuseStore.Native.Compression;
using NixFuseStore.Nix;
using NixFuseStore.Nix.Archives;
using NixFuseStore.Protocol;
using NixFuseStore.Protocol.Connections;
using NixFuseStore.Protocol.Grpc;

namespace NixFuseStore.Benchmarks;

/// <summary>How many tiny content-addressed paths a second does a server register, one or many a call, with so many calls at once?</summary>
internal static class RegistrationBenchmark
{
    private const string Store = "main";
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(1);

    public static async Task RunAsync(string server, int callers, int pathsPerCall, int paths)
    {
        // 1. All requests beforehand, so that only the server's work is timed.
        var requests = Enumerable.Range(0, paths / pathsPerCall)
            .Select(_ => CreateRequest(pathsPerCall)).ToArray();
        using var channel = new RpcChannel(new TransportOptions { Address = new Uri(server) });
        var client = new StoreClient(channel);
        await client.GetStoreAsync(new GetStoreRequest { Store = Store }, Deadline).ConfigureAwait(false);

        // 2. Each caller waits for its answer before it calls again.
        var latencies = new double[requests.Length];
        var next = -1;
        var started = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, callers).Select(_ => Task.Run(async () =>
        {
            for (int i; (i = Interlocked.Increment(ref next)) < requests.Length;)
            {
                var called = Stopwatch.GetTimestamp();
                var response = await client.RegisterPathsAsync(requests[i], Deadline).ConfigureAwait(false);
                latencies[i] = Stopwatch.GetElapsedTime(called).TotalMilliseconds;
                foreach (var result in response.Results.Where(result => result.Outcome != RegisterPathResult.Types.Outcome.Registered))
                {
                    throw new InvalidOperationException($"not registered: {result.Outcome} {result.Message}");
                }
            }
        }))).ConfigureAwait(false);
        var elapsed = Stopwatch.GetElapsedTime(started);

        // 3. The figures.
        Array.Sort(latencies);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{callers} callers, {pathsPerCall} paths a call: {requests.Length * pathsPerCall / elapsed.TotalSeconds:F0} paths/s, calls take {latencies[latencies.Length / 2]:F1} ms (median), {latencies[^1]:F1} ms (longest)"));
    }

    private static RegisterPathsRequest CreateRequest(int paths)
    {
        var request = new RegisterPathsRequest { Store = Store };
        request.Paths.AddRange(Enumerable.Range(0, paths).Select(_ => CreatePath(Guid.NewGuid().ToString())));
        return request;
    }

    private static NewPath CreatePath(string text)
    {
        var content = Encoding.UTF8.GetBytes(text);
        var sink = new Sink();
        var builder = new ContentBuilder(StoreDirectory.Default, sink);
        using var hasher = new NarHasher();
        Send(content, builder);
        Send(content, hasher);
        var manifest = builder.Finish();
        var address = new ContentAddress(ContentAddressMethod.Text, NixHash.Sha256(content));
        var message = new NewPath
        {
            Path = new PathRecord
            {
                BaseName = StorePathComputation.MakeFixed(StoreDirectory.Default, "tiny", address).BaseName,
                NarSize = hasher.Size,
                NarHash = ByteString.CopyFrom(hasher.Finish().Digest),
                ContentAddress = address.ToString(),
                ManifestHeader = ByteString.CopyFrom(manifest.Header.ToBytes()),
            },
        };
        foreach (var section in Enum.GetValues<ManifestSection>().Where(section => manifest.GetSection(section).Length > 0))
        {
            message.Sections.Add(new Section
            {
                Digest = ByteString.CopyFrom(manifest.Header.GetDigest(section).ToArray()),
                PlainLength = (uint)manifest.GetSection(section).Length,
                Zstd = ByteString.CopyFrom(Zstd.Compress(manifest.GetSection(section), 3)),
            });
        }

        message.InlineChunks.AddRange(sink.Chunks);
        return message;
    }

    private static void Send(byte[] content, INarVisitor visitor)
    {
        visitor.BeginFile(default, executable: false, (ulong)content.Length);
        visitor.FileData(content);
        visitor.EndFile();
    }

    private sealed class Sink : IChunkSink
    {
        public List<ByteString> Chunks { get; } = [];

        public void OnChunk(in ChunkId id, ReadOnlySpan<byte> plain) => Chunks.Add(ByteString.CopyFrom(plain));
    }
}
