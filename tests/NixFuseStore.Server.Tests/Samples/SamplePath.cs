using System.Security.Cryptography;
using Google.Protobuf;
using NixFuseStore.Content;
using NixFuseStore.Native.Compression;
using NixFuseStore.Nix;
using NixFuseStore.Nix.Archives;
using NixFuseStore.Protocol;
using NixFuseStore.Testing.Stores;

namespace NixFuseStore.Server.Tests.Samples;

/// <summary>A store path as an honest client would send it.</summary>
internal sealed class SamplePath
{
    private SamplePath(StorePath path, Manifest manifest, NixHash narHash, ulong narSize, IReadOnlyDictionary<ChunkId, byte[]> chunks, StorePath[] references)
    {
        Path = path;
        Manifest = manifest;
        NarHash = narHash;
        NarSize = narSize;
        Chunks = chunks;
        References = references;
    }

    public StorePath Path { get; }

    public Manifest Manifest { get; }

    public NixHash NarHash { get; }

    public ulong NarSize { get; }

    public IReadOnlyDictionary<ChunkId, byte[]> Chunks { get; }

    public StorePath[] References { get; }

    public ChunkList ChunkList => Manifest.Header.OpenChunks(Manifest.Chunks);

    public static SamplePath Create(string name, FakeTree tree, params StorePath[] references) =>
        Create(StorePath.Create(RandomNumberGenerator.GetBytes(20), name), tree, references);

    public static SamplePath Create(StorePath path, FakeTree tree, params StorePath[] references)
    {
        var sink = new Sink();
        var builder = new ContentBuilder(StoreDirectory.Default, sink);
        using var hasher = new NarHasher();
        tree.Send(new TeeNarVisitor(hasher, builder));
        var manifest = builder.Finish();
        var size = hasher.Size;
        return new SamplePath(path, manifest, hasher.Finish(), size, sink.Chunks, [.. references.Order()]);
    }

    /// <summary>A directory with files of random bytes.</summary>
    public static SamplePath CreateRandom(string name, int files, int bytes, params StorePath[] references) => Create(
        name,
        FakeTree.Directory([.. Enumerable.Range(0, files).Select(i => ($"file{i:000}", FakeTree.File(RandomNumberGenerator.GetBytes(bytes))))]),
        references);

    public NewPath ToMessage(bool inline = true)
    {
        var message = new NewPath
        {
            Path = new PathRecord
            {
                BaseName = Path.BaseName,
                NarHash = ByteString.CopyFrom(NarHash.Digest),
                NarSize = NarSize,
                ManifestHeader = ByteString.CopyFrom(Manifest.Header.ToBytes()),
            },
        };
        foreach (var reference in References)
        {
            message.Path.References.Add(reference.BaseName);
        }

        foreach (var section in Enum.GetValues<ManifestSection>())
        {
            var plain = Manifest.GetSection(section);
            if (plain.Length > 0)
            {
                message.Sections.Add(new Section
                {
                    Digest = ByteString.CopyFrom(Manifest.Header.GetDigest(section).ToArray()),
                    PlainLength = (uint)plain.Length,
                    Zstd = ByteString.CopyFrom(Zstd.Compress(plain, 3)),
                });
            }
        }

        if (inline)
        {
            message.InlineChunks.AddRange(Chunks.Values.Select(chunk => ByteString.CopyFrom(chunk)));
        }

        return message;
    }

    /// <summary>The NAR itself.</summary>
    public byte[] ToNar()
    {
        var nar = new MemoryStream();
        ContentAssembler.Write(Manifest, new Source(Chunks), new NarWriter(nar), CancellationToken.None);
        return nar.ToArray();
    }

    /// <summary>Puts the NAR together from chunks and hashes it.</summary>
    public NixHash HashOf(IReadOnlyDictionary<ChunkId, byte[]> chunks)
    {
        using var hasher = new NarHasher();
        ContentAssembler.Write(Manifest, new Source(chunks), hasher, CancellationToken.None);
        return hasher.Finish();
    }

    private sealed class Sink : IChunkSink
    {
        public Dictionary<ChunkId, byte[]> Chunks { get; } = [];

        public void OnChunk(in ChunkId id, ReadOnlySpan<byte> plain) => Chunks[id] = plain.ToArray();
    }

    private sealed class Source(IReadOnlyDictionary<ChunkId, byte[]> chunks) : IChunkSource
    {
        public void Read(in ChunkId id, Span<byte> destination) => chunks[id].CopyTo(destination);
    }
}
