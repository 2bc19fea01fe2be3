using System.Diagnostics;
using System.Text;
using NixFuseStore.Native.Compression;

namespace NixFuseStore.Native.Tests.Compression;

public sealed class CompressionStreamTests
{
    private static readonly byte[] Text = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Range(0, 20_000).Select(i => $"{i * 7919} is a number\n")));

    [Theory]
    [InlineData("zstd", 1)]
    [InlineData("zstd", 8192)]
    [InlineData("xz", 1)]
    [InlineData("xz", 8192)]
    public void Decompress_InPiecesOfAnyLength_IsThePlainText(string format, int pieceBytes)
    {
        byte[] plain = Text[..50_000];
        using var stream = Decompress(format, new TrickleStream(Compress(format, plain), pieceBytes));
        Assert.Equal(plain, ReadAll(stream, 777));
    }

    [Theory]
    [InlineData("zstd")]
    [InlineData("xz")]
    public async Task Decompress_Asynchronously_IsThePlainText(string format)
    {
        await using var stream = Decompress(format, new MemoryStream(Compress(format, Text)));
        var output = new MemoryStream();
        await stream.CopyToAsync(output, TestContext.Current.CancellationToken);
        Assert.Equal(Text, output.ToArray());
    }

    [Theory]
    [InlineData("zstd")]
    [InlineData("xz")]
    public void Decompress_TruncatedAnywhere_Throws(string format)
    {
        byte[] compressed = Compress(format, Text[..2000]);
        for (int length = 1; length < compressed.Length; length++)
        {
            using var stream = Decompress(format, new MemoryStream(compressed, 0, length));
            Assert.Throws<InvalidDataException>(() => ReadAll(stream, 4096));
        }
    }

    [Theory]
    [InlineData("zstd")]
    [InlineData("xz")]
    public void Decompress_OneAfterAnother_IsAllOfIt(string format)
    {
        byte[] compressed = [.. Compress(format, Text[..5000]), .. Compress(format, Text[5000..9000])];
        using var stream = Decompress(format, new MemoryStream(compressed));
        Assert.Equal(Text[..9000], ReadAll(stream, 1000));
    }

    [Theory]
    [InlineData("zstd")]
    [InlineData("xz")]
    public void Decompress_Garbage_Throws(string format)
    {
        using var stream = Decompress(format, new MemoryStream("this is neither of the two formats"u8.ToArray()));
        Assert.Throws<InvalidDataException>(() => ReadAll(stream, 100));
    }

    [Fact]
    public void CompressStream_FlushedHalfWay_CanBeReadUpToThere()
    {
        var compressed = new MemoryStream();
        using var writer = new ZstdCompressStream(compressed, 3, leaveOpen: true);
        writer.Write(Text.AsSpan(0, 1000));
        writer.Flush();

        using var reader = new ZstdDecompressStream(new MemoryStream(compressed.ToArray()));
        var output = new byte[1000];
        reader.ReadExactly(output);
        Assert.Equal(Text[..1000], output);
    }

    private static byte[] Compress(string format, byte[] plain)
    {
        var compressed = new MemoryStream();
        if (format == "zstd")
        {
            using var stream = new ZstdCompressStream(compressed, 3, leaveOpen: true);
            stream.Write(plain);
            stream.Dispose();
            return compressed.ToArray();
        }

        return RunXz(plain);
    }

    private static byte[] RunXz(byte[] plain)
    {
        using var process = Start("xz");
        process.StandardInput.BaseStream.Write(plain);
        process.StandardInput.Close();
        var compressed = new MemoryStream();
        process.StandardOutput.BaseStream.CopyTo(compressed);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
        return compressed.ToArray();
    }

    private static Process Start(string program)
    {
        try
        {
            return Process.Start(new ProcessStartInfo(program, "-c")
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
            })!;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Skip($"The program {program} is not installed.");
            throw;
        }
    }

    private static DecompressStream Decompress(string format, Stream compressed) =>
        format == "zstd" ? new ZstdDecompressStream(compressed) : new XzDecompressStream(compressed);

    private static byte[] ReadAll(Stream stream, int pieceBytes)
    {
        var output = new MemoryStream();
        var piece = new byte[pieceBytes];
        for (int length; (length = stream.Read(piece)) > 0;)
        {
            output.Write(piece, 0, length);
        }

        return output.ToArray();
    }

    // Gives a few bytes at each read, as networks do.
    private sealed class TrickleStream(byte[] bytes, int pieceBytes) : MemoryStream(bytes)
    {
        public override int Read(byte[] buffer, int offset, int count) => base.Read(buffer, offset, Math.Min(count, pieceBytes));
    }
}
