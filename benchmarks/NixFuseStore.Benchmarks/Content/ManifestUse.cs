using System.Text;
using BenchmarkDotNet.Attributes;
using NixFuseStore.Content;
using NixFuseStore.Nix;

namespace NixFuseStore.Benchmarks.Content;

/// <summary>What do lookups and reads cost in a manifest that is in memory, and what does getting it there?</summary>
[MemoryDiagnoser]
public class ManifestUse
{
    private const int Folders = 100;
    private const int FilesEach = 500;
    private readonly byte[] _page = new byte[128 << 10];
    private Manifest _manifest = null!;
    private ManifestTree _tree = null!;
    private ChunkList _chunks = null!;
    private BlankList _blanks = null!;
    private byte[][] _names = [];
    private int _folder;
    private int _next;

    [GlobalSetup]
    public void Setup()
    {
        var content = SampleContent.Paths().AsSpan(0, 2_000);
        var builder = new ContentBuilder(StoreDirectory.Default, new NoSink());
        builder.EnterDirectory(default);
        for (var folder = 0; folder < Folders; folder++)
        {
            builder.EnterDirectory(Encoding.ASCII.GetBytes($"folder-{folder:D3}"));
            for (var file = 0; file < FilesEach; file++)
            {
                builder.BeginFile(Encoding.ASCII.GetBytes($"some-module-{file:D4}.py"), false, (ulong)content.Length);
                builder.FileData(content);
                builder.EndFile();
            }

            builder.LeaveDirectory();
        }

        builder.LeaveDirectory();
        _manifest = builder.Finish();
        _tree = _manifest.Header.OpenTree(_manifest.Tree);
        _chunks = _manifest.Header.OpenChunks(_manifest.Chunks);
        _blanks = _manifest.Header.OpenBlanks(_manifest.Blanks);
        _tree.TryFind(0, "folder-050"u8, out _folder);
        _names = [.. Enumerable.Range(0, FilesEach).Select(file => Encoding.ASCII.GetBytes($"some-module-{file * 7 % FilesEach:D4}.py"))];
    }

    /// <summary>A name in a directory of 500.</summary>
    [Benchmark]
    public int Lookup()
    {
        _next = (_next + 1) % FilesEach;
        _ = _tree.TryFind(_folder, _names[_next], out var index);
        return index;
    }

    /// <summary>The chunks and blanks of a file's range.</summary>
    [Benchmark]
    public int Locate()
    {
        _next = (_next + 1) % FilesEach;
        var range = ContentRange.Locate(_tree, _chunks, 1 + Folders + _next, 0, 4096);
        return range.ChunkCount + (range.HasBlanks(_blanks) ? 1 : 0);
    }

    /// <summary>128 KiB with a store path every hundred bytes, patched.</summary>
    [Benchmark]
    public int Patch() => _blanks.Patch(1_000_000, _page);

    /// <summary>A tree of 50,101 entries verified and parsed.</summary>
    [Benchmark]
    public int OpenTree() => _manifest.Header.OpenTree(_manifest.Tree).Count;

    private sealed class NoSink : IChunkSink
    {
        public void OnChunk(in ChunkId id, ReadOnlySpan<byte> plain)
        {
        }
    }
}
