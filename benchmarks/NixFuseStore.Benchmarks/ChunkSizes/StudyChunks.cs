using NixFuseStore.Content;
using NixFuseStore.Native.Compression;

namespace NixFuseStore.Benchmarks.ChunkSizes;

/// <summary>Distinct chunks and what they take when each is compressed alone.</summary>
internal sealed class StudyChunks(int level) : IChunkSink
{
    private readonly Dictionary<ChunkId, int> _stored = [];
    private readonly byte[] _frame = new byte[Zstd.CompressBound(ChunkingParameters.ChunkBytesMax)];
    private readonly byte[] _plain = new byte[ChunkingParameters.ChunkBytesMax];
    private double _compressSeconds;
    private double _decompressSeconds;
    private long _plainBytes;

    public bool MeasureDecompression { get; init; }

    public int Count => _stored.Count;

    public long StoredBytes { get; private set; }

    public double CompressSpeed => _plainBytes / _compressSeconds;

    public double DecompressSpeed => _plainBytes / _decompressSeconds;

    public int Stored(ChunkId id) => _stored[id];

    public void OnChunk(in ChunkId id, ReadOnlySpan<byte> plain)
    {
        if (_stored.ContainsKey(id))
        {
            return;
        }

        var start = ThreadTime.Seconds;
        var length = Math.Min(Zstd.Compress(plain, _frame, level), plain.Length);
        _compressSeconds += ThreadTime.Seconds - start;
        if (MeasureDecompression && length < plain.Length)
        {
            start = ThreadTime.Seconds;
            _ = Zstd.TryDecompress(_frame.AsSpan(0, length), _plain.AsSpan(0, plain.Length), out _);
            _decompressSeconds += ThreadTime.Seconds - start;
        }

        _stored.Add(id, length);
        _plainBytes += plain.Length;
        StoredBytes += length;
    }
}
