using System.Diagnostics;
using NixFuseStore.Content;
using NixFuseStore.Native.Compression;

namespace NixFuseStore.Benchmarks.ChunkSizes;

/// <summary>Distinct chunks and what they take when each is compressed alone.</summary>
internal sealed class StudyChunks(int level) : IChunkSink
{
    private readonly Dictionary<ChunkId, int> _stored = [];
    private readonly byte[] _frame = new byte[Zstd.CompressBound(ChunkingParameters.ChunkBytesMax)];
    private readonly byte[] _plain = new byte[ChunkingParameters.ChunkBytesMax];
    private readonly Stopwatch _compressing = new();
    private readonly Stopwatch _decompressing = new();
    private long _plainBytes;

    public bool MeasureDecompression { get; init; }

    public int Count => _stored.Count;

    public long StoredBytes { get; private set; }

    public double CompressSpeed => _plainBytes / _compressing.Elapsed.TotalSeconds;

    public double DecompressSpeed => _plainBytes / _decompressing.Elapsed.TotalSeconds;

    public int Stored(ChunkId id) => _stored[id];

    public void OnChunk(in ChunkId id, ReadOnlySpan<byte> plain)
    {
        if (_stored.ContainsKey(id))
        {
            return;
        }

        _compressing.Start();
        var length = Math.Min(Zstd.Compress(plain, _frame, level), plain.Length);
        _compressing.Stop();
        if (MeasureDecompression && length < plain.Length)
        {
            _decompressing.Start();
            _ = Zstd.TryDecompress(_frame.AsSpan(0, length), _plain.AsSpan(0, plain.Length), out _);
            _decompressing.Stop();
        }

        _stored.Add(id, length);
        _plainBytes += plain.Length;
        StoredBytes += length;
    }
}
