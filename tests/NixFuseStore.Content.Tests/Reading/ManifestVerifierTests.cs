using System.Security.Cryptography;
using System.Text;
using NixFuseStore.Nix;

namespace NixFuseStore.Content.Tests;

public sealed class ManifestVerifierTests
{
    private readonly MemoryChunks _chunks = new();
    private readonly SampleTree _tree = Sections.Everything();
    private readonly Manifest _manifest;
    private readonly byte[] _nar;

    public ManifestVerifierTests()
    {
        _manifest = _tree.Build(_chunks);
        _nar = _tree.ToNar();
    }

    private NixHash NarHash => new(NixHashAlgorithm.Sha256, SHA256.HashData(_nar));

    [Fact]
    public void TheRightManifest_Holds() => Assert.Null(Verify(_manifest));

    [Fact]
    public void EveryFlippedBitOfAChunk_IsFound()
    {
        foreach (var (id, plain) in _chunks.Chunks.ToArray())
        {
            // Every bit of short chunks, some forty of long ones.
            for (var bit = 0; bit < plain.Length * 8; bit += plain.Length < 2000 ? 1 : plain.Length / 5)
            {
                var changed = (byte[])plain.Clone();
                changed[bit / 8] ^= (byte)(1 << (bit % 8));
                _chunks.Chunks[id] = changed;
                Assert.Contains("Chunk", Verify(_manifest), StringComparison.Ordinal);
            }

            _chunks.Chunks[id] = plain;
        }

        Assert.Null(Verify(_manifest));
    }

    [Fact]
    public void AnotherNarHashOrSize_IsFound()
    {
        Assert.Contains("NAR", Verify(_manifest, hash: NixHash.Sha256("x"u8)), StringComparison.Ordinal);
        Assert.Contains("NAR", Verify(_manifest, size: 17), StringComparison.Ordinal);
    }

    [Fact]
    public void AnotherStoreDirectory_IsFound() =>
        Assert.NotNull(Verify(_manifest, directory: new StoreDirectory("/gnu/store")));

    [Fact]
    public void MissingChunk_IsNoFaultOfTheManifest()
    {
        _chunks.Chunks.Remove(_chunks.Chunks.Keys.First());
        Assert.Throws<IOException>(() => Verify(_manifest));
    }

    [Fact]
    public void ContentThatIsNotBlanked_IsFound()
    {
        // Reversible, but not the one valid form: hashes left in the chunks.
        var text = Encoding.ASCII.GetBytes("/nix/store/00bgd045z0d4icpbc2yyz4gx48ak44la-bash");
        Check(new SampleTree.File(text), [text], blanks: [], hashes: []);
    }

    [Fact]
    public void ContentThatIsCutElsewhere_IsFound()
    {
        var text = Encoding.ASCII.GetBytes("no hash in here");
        Check(new SampleTree.File(text), [text[..3], text[3..]], blanks: [], hashes: []);
    }

    [Fact]
    public void BlanksWhereNoHashStands_AreFound()
    {
        // "eee…" claimed to be a blanked hash without the store directory before it: the NAR then holds the hash.
        var text = Encoding.ASCII.GetBytes(new string('e', 32));
        var hash = new byte[20];
        var restored = new byte[32];
        StoreHash.Unpack(hash, restored);
        Check(new SampleTree.File(restored), [text], Sections.Bytes(1, 0, 0), hash);
    }

    [Fact]
    public void UnknownParameters_AreNoManifestAtAll()
    {
        var bytes = _manifest.Header.ToBytes();
        bytes[4] = 9;
        Assert.Throws<ManifestFormatException>(() => ManifestHeader.Parse(bytes));
    }

    [Fact]
    public void Cancellation_Ends()
    {
        using var source = new CancellationTokenSource();
        source.Cancel();
        Assert.Throws<OperationCanceledException>(() =>
            ManifestVerifier.TryVerify(_manifest, _chunks, StoreDirectory.Default, NarHash, (ulong)_nar.Length, out _, source.Token));
    }

    /// <summary>Forges a manifest of well-formed parts and expects the verifier, and nothing before it, to refuse it.</summary>
    private void Check(SampleTree.File file, byte[][] cut, byte[] blanks, byte[] hashes)
    {
        var list = new List<(ChunkId, int)>();
        foreach (var chunk in cut)
        {
            _chunks.Chunks[ChunkId.Compute(chunk)] = chunk;
            list.Add((ChunkId.Compute(chunk), chunk.Length));
        }

        var tree = Sections.Bytes(1, new byte[] { 1 }, file.Content.Length, 0);
        var chunks = ChunkList.Write(list);
        var header = ManifestHeader.Create(1, ManifestTree.Parse(tree), list.Count, hashes, tree, chunks, blanks);
        var forged = Manifest.Create(header, tree, chunks, blanks);
        var nar = file.ToNar();
        Assert.Equal(nar, RoundTripTests.Assemble(forged, _chunks));
        Assert.NotNull(Verify(forged, new NixHash(NixHashAlgorithm.Sha256, SHA256.HashData(nar)), (ulong)nar.Length));
    }

    private string? Verify(Manifest manifest, NixHash? hash = null, ulong? size = null, StoreDirectory? directory = null)
    {
        var holds = ManifestVerifier.TryVerify(
            manifest, _chunks, directory ?? StoreDirectory.Default, hash ?? NarHash, size ?? (ulong)_nar.Length, out var fault, TestContext.Current.CancellationToken);
        Assert.Equal(holds, fault is null);
        return fault;
    }
}
