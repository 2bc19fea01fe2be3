using System.Buffers;
using Google.Protobuf;
using NixFuseStore.Content;
using NixFuseStore.Native.Compression;
using NixFuseStore.Nix;
using NixFuseStore.Nix.Archives;
using NixFuseStore.Nix.LocalStores;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Pushing;

/// <summary>
/// Reads paths from disk, once each: hashes the NAR, makes the manifest, and hands on the chunks that nobody in this push has dealt
/// with. Blocks on the disk and on the sender's bound; any number of threads.
/// </summary>
internal sealed class PathReader(LocalNixStore store, ChunkingParameters parameters, ChunkLedger ledger, ChunkSender sender, PushProgress progress)
{
    private readonly ChunkLedger _ledger = ledger;
    private readonly ChunkSender _sender = sender;
    private readonly PushProgress _progress = progress;

    /// <summary>A path with at most so many bytes of content takes them along when it is registered: no query, no upload.</summary>
    private const int InlineBytesMax = 16 * 1024;

    // Sections are small beside chunks and are kept for as long as the path, so they get the better level.
    private const int SectionLevel = 9;

    /// <summary>Returns null, or one line that says why the path cannot be pushed.</summary>
    internal string? Read(PathWork work, CancellationToken cancellationToken)
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
            return exception.Message.TrimEnd('.');
        }

        var manifest = builder.Finish();
        var hash = hasher.Finish();
        if (!hash.Equals(info.NarHash) || (info.NarSize != 0 && info.NarSize != hasher.Size))
        {
            return $"its files on disk have the NAR hash {hash} ({hasher.Size} bytes), but the store recorded {info.NarHash} ({info.NarSize} bytes); "
                + $"repair it with: nix-store --repair-path {store.Directory.Print(info.Path)}";
        }

        var message = new NewPath { Path = work.ToRecord(manifest, hasher.Size) };
        message.Sections.AddRange(Enum.GetValues<ManifestSection>().Select(section => Pack(manifest, section)).OfType<Section>());
        message.InlineChunks.AddRange(sink.TakeInline());
        work.Message = message;
        sink.CountRest(hasher.Size);

        return null;
    }

    private static Section? Pack(Manifest manifest, ManifestSection section)
    {
        byte[] plain = manifest.GetSection(section);
        return plain.Length == 0 ? null : new Section
        {
            Digest = ByteString.CopyFrom(manifest.Header.GetDigest(section).ToArray()),
            PlainLength = (uint)plain.Length,
            Zstd = UnsafeByteOperations.UnsafeWrap(Zstd.Compress(plain, SectionLevel)),
        };
    }

    // Keeps the chunks of a path until there are more than may travel inline; from then on passes them to the sender.
    private sealed class Sink(PathReader reader, PathWork work, CancellationToken cancellationToken) : IChunkSink, IDisposable
    {
        private readonly List<HeldChunk> _inline = [];
        private int _inlineBytes;
        private ulong _counted;
        private bool _passing = work.ChunksWanted is not null;

        public void OnChunk(in ChunkId id, ReadOnlySpan<byte> plain)
        {
            Count((ulong)plain.Length);
            if (!_passing)
            {
                _inlineBytes += plain.Length;
                if (_inlineBytes <= InlineBytesMax)
                {
                    _inline.Add(HeldChunk.Copy(id, plain));
                    return;
                }

                _passing = true;
                foreach (var held in _inline)
                {
                    Pass(held.Id, held.Plain);
                    held.Release();
                }

                _inline.Clear();
            }

            Pass(id, plain);
        }

        internal IEnumerable<ByteString> TakeInline() =>
            _inline.DistinctBy(held => held.Id).Select(held => ByteString.CopyFrom(held.Plain));

        // What a NAR has besides contents.
        internal void CountRest(ulong narBytes) => Count(narBytes - _counted);

        public void Dispose() => _inline.ForEach(held => held.Release());

        private void Count(ulong bytes)
        {
            _counted += bytes;
            if (work.Attempts == 1)
            {
                reader._progress.BytesRead(bytes);
            }
        }

        private void Pass(in ChunkId id, ReadOnlySpan<byte> plain)
        {
            // The second time only what the server asked for.
            if (work.ChunksWanted?.Contains(id) == false)
            {
                return;
            }

            if (reader._ledger.TryClaim(id, work))
            {
                reader._sender.Send(id, plain, askFirst: work.ChunksWanted is null, cancellationToken);
            }
            else
            {
                reader._progress.ChunkFound();
            }
        }
    }
}
