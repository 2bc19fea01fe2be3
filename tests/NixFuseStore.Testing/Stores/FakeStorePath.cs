using NixFuseStore.Client.Chunks;
using NixFuseStore.Client.Trees;
using NixFuseStore.Content;
using NixFuseStore.Nix;

namespace NixFuseStore.Testing.Stores;

/// <summary>A path of a <see cref="FakeStoreReader"/>: a real manifest, and the files' bytes by tree index.</summary>
public sealed class FakeStorePath : IChunkSink
{
    private readonly Dictionary<ChunkId, byte[]> _chunks = [];
    private readonly ChunkList _list;
    private readonly BlankList _blanks;

    public FakeStorePath(StoreDirectory directory, StorePath path, FakeTree tree)
    {
        var builder = new ContentBuilder(directory, this);
        tree.Send(builder);
        Manifest = builder.Finish();
        Tree = Manifest.Header.OpenTree(Manifest.Tree);
        _list = Manifest.Header.OpenChunks(Manifest.Chunks);
        _blanks = Manifest.Header.OpenBlanks(Manifest.Blanks);
        Info = new PathInfo { Path = path, NarHash = NixHash.Sha256(Manifest.Header.Bytes.Span), NarSize = 1 };
        Handle = new PathHandle(Info, Manifest.Header);
    }

    public Manifest Manifest { get; }

    public ManifestTree Tree { get; }

    public PathInfo Info { get; }

    public PathHandle Handle { get; }

    /// <summary>Bytes of a file as one segment.</summary>
    public ReadLease Read(int entry, ulong offset, int length)
    {
        var lease = ReadLease.Rent();
        var size = Tree.Size(entry);
        if (offset >= size)
        {
            return lease;
        }

        var count = (int)Math.Min((ulong)length, size - offset);
        var buffer = ChunkBuffer.Allocate(count);
        var start = (long)(Tree.StreamOffset(entry) + offset);
        for (var done = 0; done < count;)
        {
            var ordinal = _list.Find(start + done);
            var chunk = _chunks[_list.Id(ordinal)];
            var within = (int)(start + done - _list.Offset(ordinal));
            var piece = Math.Min(count - done, chunk.Length - within);
            chunk.AsSpan(within, piece).CopyTo(buffer.Span[done..]);
            done += piece;
        }

        _blanks.Patch(start, buffer.Span);
        lease.Append(buffer, 0, count);
        return lease;
    }

    void IChunkSink.OnChunk(in ChunkId id, ReadOnlySpan<byte> plain) => _chunks[id] = plain.ToArray();
}
