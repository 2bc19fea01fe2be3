using System.Buffers;
using NixFuseStore.Native.Compression;
using NixFuseStore.Storage.Chunks;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Content;

/// <summary>
/// Reads the chunks of one NAR front to back, store hashes restored. Reads packs in long runs. Each chunk is compared with its sum before
/// anything of it is given out. Calls may not overlap.
/// </summary>
/// <param name="store">The store that has it.</param>
/// <param name="nar">The NAR.</param>
/// <param name="chunks">Has the packs.</param>
/// <param name="runBytes">One read from a pack at most, unless by a single chunk.</param>
internal sealed class StoredContent(StoreRecord store, StoredNar nar, ChunkStore chunks, int runBytes) : IDisposable
{
    private byte[] _run = [];
    private PackId _pack;
    private int _runStart;
    private int _runLength;

    private byte[] _plain = [];
    private int _plainOrdinal = -1;

    /// <summary>The plain bytes of a chunk; valid until the next call.</summary>
    /// <exception cref="ChunkDamagedException">It is damaged.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public async ValueTask<ReadOnlyMemory<byte>> ReadAsync(int ordinal, CancellationToken cancellation)
    {
        var length = nar.Chunks.Length(ordinal);
        if (ordinal != _plainOrdinal)
        {
            var place = nar.Places[ordinal];
            var stored = await TryReadStoredAsync(ordinal, place, cancellation).ConfigureAwait(false);
            if (stored is null || !place.IsHeldBy(stored.Value.Span))
            {
                var found = await chunks.Verifier.RecoverAsync(store.Id, nar.Header.Digest, ordinal, place, cancellation).ConfigureAwait(false)
                    ?? throw new ChunkDamagedException(nar.Chunks.Id(ordinal));
                (place, stored) = (found.Location, found.Stored);
            }

            Grow(ref _plain, length);
            _plainOrdinal = -1;
            Decode(place, stored.Value.Span, _plain.AsSpan(0, length));
            nar.Blanks.Patch(nar.Chunks.Offset(ordinal), _plain.AsSpan(0, length));
            _plainOrdinal = ordinal;
        }

        return _plain.AsMemory(0, length);
    }

    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_run);
        ArrayPool<byte>.Shared.Return(_plain);
        (_run, _plain) = ([], []);
    }

    /// <summary>Null where the pack is gone or too short.</summary>
    private async ValueTask<ReadOnlyMemory<byte>?> TryReadStoredAsync(int ordinal, ChunkLocation place, CancellationToken cancellation)
    {
        if (place.Pack != _pack || place.Offset < _runStart || place.Offset + place.StoredLength > _runStart + _runLength)
        {
            var length = RunLength(ordinal, place);
            Grow(ref _run, length);
            _runLength = 0;
            try
            {
                await chunks.ReadAsync(place.Pack, place.Offset, _run.AsMemory(0, length), cancellation).ConfigureAwait(false);
            }
            catch (Exception e) when (e is FileNotFoundException or EndOfStreamException)
            {
                return null;
            }

            (_pack, _runStart, _runLength) = (place.Pack, place.Offset, length);
        }

        return _run.AsMemory(place.Offset - _runStart, place.StoredLength);
    }

    /// <summary>How far the chunks that follow lie behind this one without a gap.</summary>
    private int RunLength(int ordinal, in ChunkLocation first)
    {
        var length = first.StoredLength;
        for (var next = ordinal + 1; next < nar.Places.Count; next++)
        {
            var place = nar.Places[next];
            if (place.Pack != first.Pack || place.Offset != first.Offset + length || length + place.StoredLength > runBytes)
            {
                break;
            }

            length += place.StoredLength;
        }

        return length;
    }

    private static void Decode(in ChunkLocation place, ReadOnlySpan<byte> stored, Span<byte> plain)
    {
        var isWhole = place.Encoding == ChunkEncoding.Zstd
            ? Zstd.TryDecompress(stored, plain, out _)
            : stored.Length == plain.Length && stored.TryCopyTo(plain);
        if (!isWhole)
        {
            throw new InvalidDataException($"The chunk in pack {place.Pack} at {place.Offset} is damaged.");
        }
    }

    private static void Grow(ref byte[] buffer, int length)
    {
        if (buffer.Length < length)
        {
            ArrayPool<byte>.Shared.Return(buffer);
            buffer = ArrayPool<byte>.Shared.Rent(length);
        }
    }
}
