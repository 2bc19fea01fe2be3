using NixFuseStore.Content;
using NixFuseStore.Nix;
using NixFuseStore.Nix.Archives;

namespace NixFuseStore.Client.Tests.Fixtures;

/// <summary>A store path to be pushed, with its manifest and chunks.</summary>
internal sealed class SourcePath : IChunkSink
{
    public SourcePath(string baseName, SourceEntry tree, params SourcePath[] references)
        : this(baseName, visitor => tree.Send(visitor), references) => Tree = tree;

    public SourcePath(string baseName, Action<INarVisitor> send, params SourcePath[] references)
    {
        Path = StorePath.ParseBaseName(baseName);
        using var hasher = new NarHasher();
        var builder = new ContentBuilder(StoreDirectory.Default, this);
        send(new TeeNarVisitor(hasher, builder));
        Manifest = builder.Finish();
        Info = new PathInfo
        {
            Path = Path,
            NarHash = hasher.Finish(),
            NarSize = hasher.Size,
            References = [.. references.Select(r => r.Path).Order()],
        };
    }

    public StorePath Path { get; }

    public SourceEntry Tree { get; } = null!;

    public Manifest Manifest { get; }

    public PathInfo Info { get; }

    public Dictionary<ChunkId, byte[]> Chunks { get; } = [];

    void IChunkSink.OnChunk(in ChunkId id, ReadOnlySpan<byte> plain) => Chunks[id] = plain.ToArray();
}
