using NixFuseStore.Content;
using NixFuseStore.Nix;
using NixFuseStore.Nix.Archives;
using NixFuseStore.Nix.LocalStores;

namespace NixFuseStore.Benchmarks.ChunkSizes;

/// <summary>Builds the manifest of every path of a real store, and proves with the recorded NAR hash that it leads back.</summary>
internal static class StoreCheck
{
    public static void Run(string root)
    {
        using var store = LocalNixStore.Open(root);
        var chunks = new ChunkFolder();
        var (building, verifying) = (0.0, 0.0);
        var (good, bad, bytes) = (0, 0, 0UL);
        foreach (var info in store.All())
        {
            var start = ThreadTime.Seconds;
            var builder = new ContentBuilder(StoreDirectory.Default, chunks);
            FileTreeWalker.Walk(store.RealPath(info.Path), builder, CancellationToken.None);
            var manifest = builder.Finish();
            building += ThreadTime.Seconds - start;
            start = ThreadTime.Seconds;
            if (ManifestVerifier.TryVerify(manifest, chunks, StoreDirectory.Default, info.NarHash, info.NarSize, out var fault))
            {
                good++;
            }
            else
            {
                bad++;
                Console.WriteLine($"{info.Path.BaseName}: {fault}");
            }

            verifying += ThreadTime.Seconds - start;
            bytes += info.NarSize;
            chunks.Clear();
        }

        Console.WriteLine($"{good} paths are reversible, {bad} are not.");
        Console.WriteLine($"{bytes:N0} bytes of NAR: per core, built at {bytes / building / 1e6:F0} MB/s (files read, chunks hashed and copied),"
            + $" verified at {bytes / verifying / 1e6:F0} MB/s");
    }

    /// <summary>The chunks of one path in memory.</summary>
    private sealed class ChunkFolder : IChunkSink, IChunkSource
    {
        private readonly Dictionary<ChunkId, byte[]> _chunks = [];

        public void Clear() => _chunks.Clear();

        public void OnChunk(in ChunkId id, ReadOnlySpan<byte> plain) => _chunks.TryAdd(id, plain.ToArray());

        public void Read(in ChunkId id, Span<byte> destination) => _chunks[id].CopyTo(destination);
    }
}
