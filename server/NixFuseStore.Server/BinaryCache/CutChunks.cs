using System.Buffers;
using NixFuseStore.Content;

namespace NixFuseStore.Server.BinaryCache;

/// <summary>Chunks that were cut from a NAR and wait to be stored, each once, in rented memory until disposal.</summary>
internal sealed class CutChunks(int bytesMax) : IDisposable
{
    private readonly List<(ChunkId Id, byte[] Buffer, int Length)> _chunks = [];
    private readonly HashSet<ChunkId> _ids = [];
    private int _bytes;

    public int Count => _chunks.Count;

    public bool IsFull => _bytes >= bytesMax;

    public ChunkId Id(int index) => _chunks[index].Id;

    public ReadOnlyMemory<byte> Plain(int index) => _chunks[index].Buffer.AsMemory(0, _chunks[index].Length);

    public void Add(in ChunkId id, ReadOnlySpan<byte> plain)
    {
        if (_ids.Add(id))
        {
            var buffer = ArrayPool<byte>.Shared.Rent(plain.Length);
            plain.CopyTo(buffer);
            _chunks.Add((id, buffer, plain.Length));
            _bytes += plain.Length;
        }
    }

    public void Dispose()
    {
        foreach (var (_, buffer, _) in _chunks)
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        _chunks.Clear();
    }
}
