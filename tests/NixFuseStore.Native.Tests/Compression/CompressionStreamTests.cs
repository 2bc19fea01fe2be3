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
    [InlineData("bzip2", 1)]
    [InlineData("bzip2", 8192)]
    [InlineData("lz4", 1)]
    [InlineData("lz4", 8192)]
    [InlineData("lzma", 1)]
    [InlineData("lzma", 8192)]
    [InlineData("lzip", 1)]
    [InlineData("lzip", 8192)]
    [InlineData("compress", 1)]
    [InlineData("compress", 8192)]
    public void Decompress_InPiecesOfAnyLength_IsThePlainText(string format, int pieceBytes)
    {
        byte[] plain = Text[..50_000];
        using var stream = Decompress(format, new TrickleStream(Compress(format, plain), pieceBytes));
        Assert.Equal(plain, ReadAll(stream, 777));
    }

    [Theory]
    [InlineData("zstd")]
    [InlineData("xz")]
    [InlineData("bzip2")]
    [InlineData("lz4")]
    [InlineData("lzma")]
    [InlineData("lzip")]
    [InlineData("compress")]
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
    [InlineData("bzip2")]
    [InlineData("lz4")]
    [InlineData("lzma")]
    [InlineData("lzip")]
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
    [InlineData("bzip2")]
    [InlineData("lz4")]
    [InlineData("lzip")]
    public void Decompress_OneAfterAnother_IsAllOfIt(string format)
    {
        byte[] compressed = [.. Compress(format, Text[..5000]), .. Compress(format, Text[5000..9000])];
        using var stream = Decompress(format, new MemoryStream(compressed));
        Assert.Equal(Text[..9000], ReadAll(stream, 1000));
    }

    [Theory]
    [InlineData("zstd")]
    [InlineData("xz")]
    [InlineData("bzip2")]
    [InlineData("lz4")]
    [InlineData("lzma")]
    [InlineData("lzip")]
    [InlineData("compress")]
    public void Decompress_Garbage_Throws(string format)
    {
        using var stream = Decompress(format, new MemoryStream("this is none of these formats"u8.ToArray()));
        Assert.Throws<InvalidDataException>(() => ReadAll(stream, 100));
    }

    [Theory]
    [InlineData("zstd")]
    [InlineData("xz")]
    [InlineData("bzip2")]
    [InlineData("lz4")]
    [InlineData("lzma")]
    [InlineData("lzip")]
    [InlineData("compress")]
    public void CompressStream_WrittenInPieces_IsReadByOthers(string format)
    {
        var compressed = new MemoryStream();
        using (var writer = OpenWriter(format, compressed))
        {
            for (int start = 0; start < Text.Length; start += 70_001)
            {
                writer.Write(Text.AsSpan(start, Math.Min(70_001, Text.Length - start)));
            }
        }

        Assert.True(compressed.Length < Text.Length / 2);
        Assert.Equal(Text, Run(format, "-dc", compressed.ToArray()));
    }

    [Theory]
    [InlineData("zstd")]
    [InlineData("xz")]
    [InlineData("bzip2")]
    [InlineData("lz4")]
    [InlineData("lzma")]
    [InlineData("lzip")]
    [InlineData("compress")]
    public void CompressStream_NothingWritten_IsAnEmptyStream(string format)
    {
        var compressed = new MemoryStream();
        OpenWriter(format, compressed).Dispose();
        using var reader = Decompress(format, new MemoryStream(compressed.ToArray()));
        Assert.Empty(ReadAll(reader, 100));
    }

    [Theory]
    [InlineData("zstd")]
    [InlineData("xz")]
    public void CompressStream_FlushedHalfWay_CanBeReadUpToThere(string format)
    {
        var compressed = new MemoryStream();
        using var writer = OpenWriter(format, compressed);
        writer.Write(Text.AsSpan(0, 1000));
        writer.Flush();

        using var reader = Decompress(format, new MemoryStream(compressed.ToArray()));
        var output = new byte[1000];
        reader.ReadExactly(output);
        Assert.Equal(Text[..1000], output);
    }

    /// <summary>Enough for a full table, after which compress(1) watches the ratio and begins anew when it falls.</summary>
    [Fact]
    public void Lzw_TableThatIsFullAndCleared_IsFollowed()
    {
        var random = new Random(5);
        var plain = new byte[3_000_000];
        random.NextBytes(plain.AsSpan(0, 1_000_000));
        for (int i = 1_000_000; i < plain.Length; i++)
        {
            plain[i] = (byte)(i < 2_000_000 ? "abcd"[random.Next(4)] : random.Next(256));
        }

        using var theirs = Decompress("compress", new MemoryStream(Run("compress", "-fc", plain)));
        Assert.Equal(plain, ReadAll(theirs, 10_000));
        var ours = new MemoryStream();
        using (var writer = OpenWriter("compress", ours))
        {
            writer.Write(plain);
        }

        Assert.Equal(plain, Run("compress", "-dc", ours.ToArray()));
        using var again = Decompress("compress", new MemoryStream(ours.ToArray()));
        Assert.Equal(plain, ReadAll(again, 10_000));
    }

    [Theory]
    [InlineData("zstd")]
    [InlineData("lz4")]
    public void Decompress_FramesWithoutContent_ArePassedOver(string format)
    {
        byte[] skippable = [0x5A, 0x2A, 0x4D, 0x18, 4, 0, 0, 0, 1, 2, 3, 4];
        byte[] empty = Compress(format, []);
        byte[] compressed = [.. skippable, .. empty, .. Compress(format, Text[..5000]), .. skippable, .. empty, .. Compress(format, Text[5000..9000]), .. skippable];
        using var stream = Decompress(format, new TrickleStream(compressed, 7));
        Assert.Equal(Text[..9000], ReadAll(stream, 1000));
    }

    private static Stream OpenWriter(string format, Stream compressed) => format switch
    {
        "lz4" => new Lz4CompressStream(compressed, leaveOpen: true),
        "lzma" => new LzmaCompressStream(compressed, LzmaFormat.Lzma, leaveOpen: true),
        "lzip" => new LzmaCompressStream(compressed, LzmaFormat.Lzip, leaveOpen: true),
        "compress" => new LzwCompressStream(compressed, leaveOpen: true),
        "zstd" => new ZstdCompressStream(compressed, 3, leaveOpen: true),
        "xz" => new XzCompressStream(compressed, 0, leaveOpen: true),
        _ => new Bzip2CompressStream(compressed, 1, leaveOpen: true),
    };

    private static byte[] Compress(string format, byte[] plain)
    {
        if (format != "zstd")
        {
            return Run(format, "-c", plain);
        }

        var compressed = new MemoryStream();
        using (var stream = OpenWriter(format, compressed))
        {
            stream.Write(plain);
        }

        return compressed.ToArray();
    }

    private static byte[] Run(string program, string option, byte[] input)
    {
        using var process = Start(program, option);
        var output = new MemoryStream();
        var reading = process.StandardOutput.BaseStream.CopyToAsync(output);
        process.StandardInput.BaseStream.Write(input);
        process.StandardInput.Close();
        reading.GetAwaiter().GetResult();
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
        return output.ToArray();
    }

    private static Process Start(string program, string option)
    {
        try
        {
            return Process.Start(new ProcessStartInfo(program, option)
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

    private static DecompressStream Decompress(string format, Stream compressed) => format switch
    {
        "lz4" => new Lz4DecompressStream(compressed),
        "lzma" => new XzDecompressStream(compressed, format: LzmaFormat.Lzma),
        "lzip" => new XzDecompressStream(compressed, format: LzmaFormat.Lzip),
        "compress" => new LzwDecompressStream(compressed),
        "zstd" => new ZstdDecompressStream(compressed),
        "xz" => new XzDecompressStream(compressed),
        _ => new Bzip2DecompressStream(compressed),
    };

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
