using System.Buffers;

namespace NixFuseStore.Content;

/// <summary>
/// Turns file content into the blanked stream and cuts it into chunks. Holds one buffer of a few chunks, whatever the files' sizes.
/// </summary>
/// <remarks>
/// <code>
///  _buffer:  | chunks cut | settled: blanked, to be cut | may still turn out to be a hash | free |
///            0            _cut                          _settled                          _end
/// </code>
/// Only the longest run that might be the beginning of a match waits unsettled, and everything is settled when a file ends, because
/// a match never crosses files. A chunk is cut only where the longest possible one is settled or a cut is forced, so cuts do not
/// depend on how the data was split.
/// </remarks>
internal sealed class ContentStreamBuilder
{
    private const int BufferedChunks = 4;

    private readonly HashScanner _scanner;
    private readonly ContentCutter _cutter;
    private readonly ChunkingParameters _parameters;
    private readonly IChunkSink _sink;
    private readonly StoreHashTable _hashes;
    private readonly int _bufferBytes;
    private byte[] _buffer;
    private readonly byte[] _packed = new byte[StoreHash.PackedBytes];
    private int _cut;
    private int _settled;
    private int _end;
    private long _bufferStart; // stream position of the buffer's first byte

    public ContentStreamBuilder(HashScanner scanner, ChunkingParameters parameters, IChunkSink sink, StoreHashTable hashes)
    {
        _scanner = scanner;
        _cutter = new ContentCutter(parameters);
        _parameters = parameters;
        _sink = sink;
        _hashes = hashes;
        _bufferBytes = (BufferedChunks * parameters.BytesMax) + _scanner.MatchBytes;
        _buffer = ArrayPool<byte>.Shared.Rent(_bufferBytes); // pooled, because a push makes thousands of builders
    }

    public List<(ChunkId Id, int Length)> Chunks { get; } = [];

    public List<(long Position, int Hash)> Blanks { get; } = [];

    public void BeginFile(ulong size)
    {
        if (size >= (ulong)_parameters.LargeFileBytes)
        {
            CutAll();
        }
    }

    public void Append(ReadOnlySpan<byte> data)
    {
        while (true)
        {
            var length = Math.Min(data.Length, _bufferBytes - _end);
            data[..length].CopyTo(_buffer.AsSpan(_end));
            _end += length;
            data = data[length..];
            if (data.IsEmpty)
            {
                return;
            }

            // The buffer is full: at least one of the longest chunks is settled.
            Settle(isEnd: false);
            CutSettled();
            MoveDown();
        }
    }

    public void EndFile(ulong size)
    {
        Settle(isEnd: true);
        if (size >= (ulong)_parameters.LargeFileBytes)
        {
            CutAll();
        }
    }

    /// <summary>Ends the stream: what is left becomes chunks. Nothing may follow.</summary>
    public void Finish()
    {
        CutAll();
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = [];
    }

    private void Settle(bool isEnd)
    {
        while (_settled < _end)
        {
            var done = _scanner.Find(_buffer.AsSpan(_settled, _end - _settled), isEnd, _packed, out var position);
            if (position >= 0 && _hashes.TryNumber(_packed, out var hash))
            {
                Blanks.Add((_bufferStart + _settled + position, hash));
                _buffer.AsSpan(_settled + position, StoreHash.TextBytes).Fill(StoreHash.Blank);
            }

            _settled += done;
            if (position < 0)
            {
                return;
            }
        }
    }

    private void CutSettled()
    {
        while (_settled - _cut >= _parameters.BytesMax)
        {
            CutOne();
        }
    }

    /// <summary>Forces a cut at the end, where a file has ended, or none has begun.</summary>
    private void CutAll()
    {
        while (_cut < _settled)
        {
            CutOne();
        }

        MoveDown();
    }

    private void CutOne()
    {
        var length = _cutter.FirstChunkLength(_buffer.AsSpan(_cut, _settled - _cut));
        var plain = _buffer.AsSpan(_cut, length);
        var id = ChunkId.Compute(plain);
        Chunks.Add((id, length));
        _sink.OnChunk(id, plain);
        _cut += length;
    }

    private void MoveDown()
    {
        _buffer.AsSpan(_cut, _end - _cut).CopyTo(_buffer);
        _bufferStart += _cut;
        _settled -= _cut;
        _end -= _cut;
        _cut = 0;
    }
}
