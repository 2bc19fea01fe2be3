using NixFuseStore.Content;
using NixFuseStore.Nix.Archives;
using NixFuseStore.Nix.LocalStores;

namespace NixFuseStore.Client.Push;

/// <summary>
/// Reads paths from disk, once each: hashes the NAR, makes the manifest, and hands on the chunks that nothing in this push has dealt
/// with. Blocks on the disk and on the sender's bound; any number of threads.
/// </summary>
internal sealed class PathReader(LocalNixStore store, ChunkingParameters parameters, ChunkUploadTracker ledger, ChunkSender sender, PushProgress progress)
{
    private readonly ChunkUploadTracker _ledger = ledger;
    private readonly ChunkSender _sender = sender;
    private readonly PushProgress _progress = progress;

    /// <summary>Makes the path's message, and sends its chunks.</summary>
    /// <exception cref="UnreadablePathException">The path cannot be pushed.</exception>
    internal void Read(PathWork work, CancellationToken cancellationToken)
    {
        var info = work.Info;
        using var hasher = new NarHasher();
        using var sink = new Sink(this, work, cancellationToken);
        var builder = new ContentBuilder(store.Directory, sink, parameters);
        try
        {
            FileTreeWalker.Walk(store.RealPath(info.Path), new TeeNarVisitor(hasher, builder), cancellationToken);
        }
        catch (FileTreeException exception)
        {
            throw new UnreadablePathException(exception.Message.TrimEnd('.'));
        }

        var manifest = builder.Finish();
        var hash = hasher.Finish();
        if (!hash.Equals(info.NarHash) || (info.NarSize != 0 && info.NarSize != hasher.Size))
        {
            throw new UnreadablePathException(
                $"its files on disk have the NAR hash {hash} ({hasher.Size} bytes), but the store recorded {info.NarHash} ({info.NarSize} bytes); "
                + $"repair it with: nix-store --repair-path {store.Directory.Print(info.Path)}");
        }

        // Whether it was built on this host says nothing on others.
        work.Message = NewPathMessage.Create(info with { Ultimate = false }, hasher.Size, manifest, sink.TakeInline());
        sink.CountRest(hasher.Size);
    }

    private sealed class Sink(PathReader reader, PathWork work, CancellationToken cancellationToken) : SmallContentSink(keeps: work.ChunksWanted is null)
    {
        private ulong _counted;

        public override void OnChunk(in ChunkId id, ReadOnlySpan<byte> plain)
        {
            Count((ulong)plain.Length);
            base.OnChunk(id, plain);
        }

        // What a NAR has besides contents.
        internal void CountRest(ulong narBytes) => Count(narBytes - _counted);

        protected override void Pass(in ChunkId id, ReadOnlySpan<byte> plain)
        {
            // The second time only what the server asked for.
            if (work.ChunksWanted?.Contains(id) == false)
            {
                return;
            }

            if (reader._ledger.TryClaim(id, work.Waits))
            {
                reader._sender.Send(HeldChunk.Copy(id, plain), askFirst: work.ChunksWanted is null, cancellationToken);
            }
            else
            {
                reader._progress.ChunkFound();
            }
        }

        private void Count(ulong bytes)
        {
            _counted += bytes;
            if (work.Attempts == 1)
            {
                reader._progress.BytesRead(bytes);
            }
        }
    }
}
