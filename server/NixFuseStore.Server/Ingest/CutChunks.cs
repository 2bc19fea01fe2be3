using System.Buffers;
using NixFuseStore.Content;

namespace NixFuseStore.Server.Ingest;

/// <summary>Chunks that were cut from a NAR and wait to be stored, each once and one behind the other in rented memory, until disposal.</summary>
/// <param name="bytesMax">So many bytes make it full; the last chunk may go beyond.</param>
internal sealed class CutChunks(int bytesMax) : IDisposable
{
    private readonly List<(ChunkId Id, int Start, int Length)> _chunks = [];
    private readonly HashSet<ChunkId> _ids = [];
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(bytesMax + ChunkingParameters.ChunkBytesMax);

    public int Count => _chunks.Count;

    public bool IsFull => Bytes >= bytesMax;

    /// <summary>Bytes of all chunks.</summary>
    public int Bytes { get; private set; }

    public ChunkId Id(int index) => _chunks[index].Id;

    public ReadOnlyMemory<byte> Plain(int index) => _buffer.AsMemory(_chunks[index].Start, _chunks[index].Length);

    /// <summary>Adds a chunk, unless it is there already.</summary>
    public void Add(in ChunkId id, ReadOnlySpan<byte> plain)
    {
        if (!_ids.Add(id))
        {
            return;
        }

        // What comes at once fills little more than the last chunk, but that is not promised.
        if (Bytes + plain.Length > _buffer.Length)
        {
            var larger = ArrayPool<byte>.Shared.Rent(Bytes + plain.Length);
            _buffer.AsSpan(0, Bytes).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = larger;
        }

        plain.CopyTo(_buffer.AsSpan(Bytes));
        _chunks.Add((id, Bytes, plain.Length));
        Bytes += plain.Length;
    }

    public void Dispose()
    {
        if (_buffer.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = [];
        }
    }
}
