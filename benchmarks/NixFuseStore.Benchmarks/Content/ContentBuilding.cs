using BenchmarkDotNet.Attributes;
using NixFuseStore.Content;
using NixFuseStore.Nix;

namespace NixFuseStore.Benchmarks.Content;

/// <summary>How fast does content become chunks, and which step takes the time?</summary>
[MemoryDiagnoser]
public class ContentBuilding
{
    private readonly ContentCutter _cutter = new(ChunkingParameters.Current);
    private readonly HashScanner _scanner = new(StoreDirectory.Default);
    private byte[] _content = [];

    public enum Kind
    {
        Noise,
        Program,
        Paths,
    }

    [ParamsAllValues]
    public Kind Content { get; set; }

    [GlobalSetup]
    public void Setup() => _content = Content switch
    {
        Kind.Noise => SampleContent.Noise(),
        Kind.Program => SampleContent.Program(),
        _ => SampleContent.Paths(),
    };

    /// <summary>16 MiB looked through for store hashes.</summary>
    [Benchmark]
    public int Scan()
    {
        Span<byte> packed = stackalloc byte[20];
        var found = 0;
        for (var at = 0; at < _content.Length;)
        {
            at += _scanner.Find(_content.AsSpan(at), isEnd: true, packed, out var position);
            found += position >= 0 ? 1 : 0;
        }

        return found;
    }

    /// <summary>16 MiB cut.</summary>
    [Benchmark]
    public int Cut()
    {
        var chunks = 0;
        for (var at = 0; at < _content.Length; chunks++)
        {
            at += _cutter.FirstChunkLength(_content.AsSpan(at));
        }

        return chunks;
    }

    /// <summary>16 MiB hashed, chunk by chunk.</summary>
    [Benchmark]
    public ChunkId Hash()
    {
        var id = default(ChunkId);
        for (var at = 0; at < _content.Length; at += 32 << 10)
        {
            id = ChunkId.Compute(_content.AsSpan(at, 32 << 10));
        }

        return id;
    }

    /// <summary>A file of 16 MiB to its manifest: everything above.</summary>
    [Benchmark]
    public ManifestDigest Build()
    {
        var builder = new ContentBuilder(StoreDirectory.Default, NoSink.Instance);
        builder.BeginFile(default, false, (ulong)_content.Length);
        for (var at = 0; at < _content.Length; at += 256 << 10)
        {
            builder.FileData(_content.AsSpan(at, 256 << 10));
        }

        builder.EndFile();
        return builder.Finish().Digest;
    }

    private sealed class NoSink : IChunkSink
    {
        public static readonly NoSink Instance = new();

        public void OnChunk(in ChunkId id, ReadOnlySpan<byte> plain)
        {
        }
    }
}
