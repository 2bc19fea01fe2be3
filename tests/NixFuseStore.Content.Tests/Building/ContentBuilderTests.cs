using System.Security.Cryptography;
using NixFuseStore.Nix;
using NixFuseStore.Nix.Archives;

namespace NixFuseStore.Content.Tests;

[System.Runtime.Versioning.SupportedOSPlatform("linux")]
public sealed class ContentBuilderTests
{
    /// <summary>A small store on disk, path by path through the walker, as a push does it.</summary>
    [Fact]
    public void StoreOnDisk_EveryPathIsReversible()
    {
        var root = Directory.CreateTempSubdirectory("content-").FullName;
        try
        {
            var random = new RandomTrees(11);
            var hashes = Enumerable.Range(0, 100).Select(_ => random.Hash()).Distinct().Take(6).ToArray();
            var shared = new MemoryChunks();
            foreach (var (hash, index) in hashes.Select((hash, index) => (hash, index)))
            {
                var path = Path.Combine(root, $"{hash}-package");
                Directory.CreateDirectory(Path.Combine(path, "bin", "empty"));
                File.WriteAllText(Path.Combine(path, "bin", "run"), $"#!/nix/store/{hashes[(index + 1) % 6]}-package/bin/run\nexec /nix/store/{hash}-package\n");
                File.SetUnixFileMode(Path.Combine(path, "bin", "run"), UnixFileMode.UserRead | UnixFileMode.UserExecute);
                File.WriteAllBytes(Path.Combine(path, "library"), random.Content(40_000 * index));
                File.CreateSymbolicLink(Path.Combine(path, "self"), $"/nix/store/{hash}-package/library");

                using var nar = new MemoryStream();
                var builder = new ContentBuilder(StoreDirectory.Default, shared);
                FileTreeWalker.Walk(path, new TeeNarVisitor(new NarWriter(nar), builder), TestContext.Current.CancellationToken);
                var manifest = builder.Finish();

                Assert.Equal(nar.ToArray(), RoundTripTests.Assemble(manifest, shared));
                var narHash = new NixHash(NixHashAlgorithm.Sha256, SHA256.HashData(nar.ToArray()));
                Assert.True(ManifestVerifier.TryVerify(
                    manifest, shared, StoreDirectory.Default, narHash, (ulong)nar.Length, out var fault, TestContext.Current.CancellationToken), fault);
                Assert.DoesNotContain(shared.Chunks.Values, chunk => chunk.AsSpan().IndexOf(System.Text.Encoding.ASCII.GetBytes($"/nix/store/{hash}-")) >= 0);
            }
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    [Fact]
    public void LargeFile_TakesBoundedMemory()
    {
        const int pieces = 1024;
        var piece = new byte[64 << 10];
        var builder = new ContentBuilder(StoreDirectory.Default, new Nowhere());
        builder.BeginFile(default, false, (ulong)pieces * (ulong)piece.Length);
        builder.FileData(piece);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var index = 1; index < pieces; index++)
        {
            piece[index] = (byte)index;
            builder.FileData(piece);
        }

        builder.EndFile();
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 256 << 10); // the list of chunks
        Assert.Equal(64L << 20, builder.Finish().Header.StreamLength);
    }

    private sealed class Nowhere : IChunkSink
    {
        public void OnChunk(in ChunkId id, ReadOnlySpan<byte> plain)
        {
        }
    }
}
