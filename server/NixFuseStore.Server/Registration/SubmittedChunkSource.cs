using System.Buffers;
using NixFuseStore.Content;
using NixFuseStore.Native.Compression;
using NixFuseStore.Server.Base;
using NixFuseStore.Storage.Chunks;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Registration;

/// <summary>
/// Gives a claim's chunks in stream order, out of the message or out of packs, which are read in long runs. Those out of packs are compared
/// with their sums, so that damage here is not taken for a fault of the claim. Blocks its thread; for one use on one thread.
/// </summary>
internal sealed class SubmittedChunkSource(SubmittedPath claim, ChunkStore chunks, CancellationToken cancellation) : IChunkSource, IDisposable
{
    /// <summary>One read from a pack at most, in bytes.</summary>
    private const int RunBytes = 512 << 10;

    private readonly byte[] _run = ArrayPool<byte>.Shared.Rent(RunBytes);
    private PackId _pack;
    private int _runStart;
    private int _runLength;

    // How many chunks of the stream have been asked for.
    private int _ordinal;

    public void Read(in ChunkId id, Span<byte> destination)
    {
        _ordinal++;
        if (claim.InlineChunks.TryGetValue(id, out var inline))
        {
            if (inline.Length != destination.Length)
            {
                throw new RejectedRequestException($"chunk {id} has another length than the manifest says");
            }

            inline.Span.CopyTo(destination);
            return;
        }

        var place = claim.Locations[id];
        if (place.PlainLength != destination.Length)
        {
            throw new RejectedRequestException($"chunk {id} has another length than the manifest says");
        }

        var stored = Fetch(id, place);
        if (!ChunkVerifier.IsWhole(id, place, stored))
        {
            throw new ChunkDamagedException(id);
        }

        if (place.Encoding == ChunkEncoding.Plain)
        {
            stored.CopyTo(destination);
        }
        else if (!Zstd.TryDecompress(stored, destination, out _))
        {
            throw new ChunkDamagedException(id);
        }
    }

    public void Dispose() => ArrayPool<byte>.Shared.Return(_run);

    private ReadOnlySpan<byte> Fetch(in ChunkId id, in ChunkLocation place)
    {
        if (place.Pack != _pack || place.Offset < _runStart || place.Offset + place.StoredLength > _runStart + _runLength)
        {
            _pack = place.Pack;
            _runStart = place.Offset;
            _runLength = RunLength(place);
            if (_runLength > _run.Length)
            {
                throw new IOException($"a chunk in pack {place.Pack} is longer than any chunk may be");
            }

            try
            {
                chunks.ReadAsync(_pack, _runStart, _run.AsMemory(0, _runLength), cancellation).AsTask().GetAwaiter().GetResult();
            }
            catch (Exception e) when (e is FileNotFoundException or EndOfStreamException)
            {
                throw new ChunkDamagedException(id);
            }
        }

        return _run.AsSpan(place.Offset - _runStart, place.StoredLength);
    }

    /// <summary>How far the chunks that the stream wants next lie behind this one without a gap.</summary>
    private int RunLength(in ChunkLocation first)
    {
        var length = first.StoredLength;
        for (var next = _ordinal; next < claim.ChunkIds.Count; next++)
        {
            if (!claim.Locations.TryGetValue(claim.ChunkIds[next], out var place) || place.Pack != first.Pack
                || place.Offset != first.Offset + length || length + place.StoredLength > RunBytes)
            {
                break;
            }

            length += place.StoredLength;
        }

        return length;
    }
}
