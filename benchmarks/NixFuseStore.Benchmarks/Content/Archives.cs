using BenchmarkDotNet.Attributes;
using NixFuseStore.Nix.Archives;

namespace NixFuseStore.Benchmarks.Content;

/// <summary>How fast are NARs written, read and hashed?</summary>
[MemoryDiagnoser]
public class Archives
{
    private readonly byte[] _content = SampleContent.Program();
    private byte[] _nar = [];

    [GlobalSetup]
    public void Setup()
    {
        using var stream = new MemoryStream();
        Send(new NarWriter(stream));
        _nar = stream.ToArray();
    }

    /// <summary>16 MiB in 1,024 files parsed.</summary>
    [Benchmark]
    public ulong Parse()
    {
        var parser = new NarParser(new Nowhere());
        for (var at = 0; at < _nar.Length; at += 64 << 10)
        {
            parser.Write(_nar.AsSpan(at, Math.Min(64 << 10, _nar.Length - at)));
        }

        parser.Complete();
        return parser.BytesConsumed;
    }

    /// <summary>16 MiB in 1,024 files written to nowhere.</summary>
    [Benchmark]
    public ulong Write()
    {
        var writer = new NarWriter(Stream.Null);
        Send(writer);
        return writer.Length;
    }

    /// <summary>16 MiB in 1,024 files hashed as a NAR.</summary>
    [Benchmark]
    public ulong Hash()
    {
        using var hasher = new NarHasher();
        Send(hasher);
        _ = hasher.Finish();
        return hasher.Size;
    }

    private void Send(INarVisitor visitor)
    {
        visitor.EnterDirectory(default);
        Span<byte> name = stackalloc byte[4];
        for (var file = 0; file < 1024; file++)
        {
            _ = System.Text.Encoding.ASCII.GetBytes(file.ToString("D4", System.Globalization.CultureInfo.InvariantCulture), name);
            visitor.BeginFile(name, false, 16 << 10);
            visitor.FileData(_content.AsSpan(file << 14, 16 << 10));
            visitor.EndFile();
        }

        visitor.LeaveDirectory();
    }

    private sealed class Nowhere : INarVisitor
    {
        public void EnterDirectory(ReadOnlySpan<byte> name)
        {
        }

        public void LeaveDirectory()
        {
        }

        public void BeginFile(ReadOnlySpan<byte> name, bool executable, ulong size)
        {
        }

        public void FileData(ReadOnlySpan<byte> data)
        {
        }

        public void EndFile()
        {
        }

        public void Symlink(ReadOnlySpan<byte> name, ReadOnlySpan<byte> target)
        {
        }
    }
}
