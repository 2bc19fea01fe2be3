using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Numerics;

namespace NixFuseStore.Nix.BinaryCaches;

/// <summary>What <see cref="NarCompression"/> is called, and how it is told from a file's first bytes.</summary>
public static class NarCompressions
{
    /// <summary>So many bytes of a file are enough for <see cref="TryDetect"/>.</summary>
    public const int DetectionBytes = 16;

    /// <summary>The value of <c>Compression</c> in a .narinfo file.</summary>
    public static string NameOf(NarCompression compression) => compression switch
    {
        NarCompression.None => "none",
        NarCompression.Xz => "xz",
        NarCompression.Bzip2 => "bzip2",
        NarCompression.Zstd => "zstd",
        NarCompression.Gzip => "gzip",
        NarCompression.Lz4 => "lz4",
        NarCompression.Lzma => "lzma",
        NarCompression.Lzip => "lzip",
        NarCompression.Brotli => "br",
        NarCompression.Compress => "compress",
        _ => throw new ArgumentOutOfRangeException(nameof(compression)),
    };

    /// <summary>The compression of that name; false for names that are not known here.</summary>
    public static bool TryParse(string name, [NotNullWhen(true)] out NarCompression? compression)
    {
        compression = name switch
        {
            "none" => NarCompression.None,
            "xz" => NarCompression.Xz,
            "bzip2" => NarCompression.Bzip2,
            "zstd" => NarCompression.Zstd,
            "gzip" => NarCompression.Gzip,
            "lz4" => NarCompression.Lz4,
            "lzma" => NarCompression.Lzma,
            "lzip" => NarCompression.Lzip,
            "br" => NarCompression.Brotli,
            "compress" => NarCompression.Compress,
            _ => null,
        };
        return compression is not null;
    }

    /// <summary>
    /// Tells from the first bytes what a file is: its name need not say it, as that of a gzip file does not. Brotli cannot be told.
    /// </summary>
    /// <param name="start">The first bytes.</param>
    /// <param name="declared">What the file is said to be, which decides where its first bytes leave it open.</param>
    /// <param name="compression">What it is.</param>
    public static bool TryDetect(ReadOnlySpan<byte> start, NarCompression declared, [NotNullWhen(true)] out NarCompression? compression)
    {
        ReadOnlySpan<byte> nar = "\x0d\0\0\0\0\0\0\0nix-arch"u8;
        ReadOnlySpan<byte> xz = [0xFD, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0];
        ReadOnlySpan<byte> zstd = [0x28, 0xB5, 0x2F, 0xFD];
        ReadOnlySpan<byte> gzip = [0x1F, 0x8B];
        ReadOnlySpan<byte> compress = [0x1F, 0x9D];
        ReadOnlySpan<byte> lz4 = [0x04, 0x22, 0x4D, 0x18];
        compression = start.StartsWith(nar) ? NarCompression.None
            : start.StartsWith(xz) ? NarCompression.Xz
            : start.StartsWith("BZh"u8) ? NarCompression.Bzip2
            : start.StartsWith(zstd) ? NarCompression.Zstd
            : start.StartsWith(gzip) ? NarCompression.Gzip
            : start.StartsWith(compress) ? NarCompression.Compress
            : start.StartsWith(lz4) ? NarCompression.Lz4
            : start.StartsWith("LZIP\x01"u8) ? NarCompression.Lzip
            : IsSkippableFrame(start) ? DetectBehindSkippable(start, declared, zstd, lz4)
            : IsLzma(start) ? NarCompression.Lzma
            : null;
        return compression is not null;
    }

    /// <summary>The frames of zstd and lz4 that hold no data look the same, so the one behind them tells, where it is among the first bytes.</summary>
    private static NarCompression DetectBehindSkippable(ReadOnlySpan<byte> start, NarCompression declared, ReadOnlySpan<byte> zstd, ReadOnlySpan<byte> lz4)
    {
        const int HeaderBytes = 8; // magic number, length
        while (IsSkippableFrame(start) && start.Length >= HeaderBytes
            && BinaryPrimitives.ReadUInt32LittleEndian(start[4..]) is var length && length <= (uint)(start.Length - HeaderBytes))
        {
            start = start[(HeaderBytes + (int)length)..];
        }

        return start.StartsWith(lz4) || (declared == NarCompression.Lz4 && !start.StartsWith(zstd)) ? NarCompression.Lz4 : NarCompression.Zstd;
    }

    /// <summary>
    /// A frame that holds no data may stand before those that do (RFC 8878, 3.1.2, and the same in lz4's format), as parallel writers put it there.
    /// </summary>
    private static bool IsSkippableFrame(ReadOnlySpan<byte> start) =>
        start.Length >= 4 && (BinaryPrimitives.ReadUInt32LittleEndian(start) & 0xFFFFFFF0) == 0x184D2A50;

    /// <summary>
    /// The header of .lzma has no signature; but real ones have the usual properties, a dictionary of 2^n or 2^n + 2^(n-1) bytes, and a length
    /// that is unknown or below 256 GiB. xz tells them in the same way.
    /// </summary>
    private static bool IsLzma(ReadOnlySpan<byte> start)
    {
        if (start.Length < 13 || start[0] >= 9 * 5 * 5)
        {
            return false;
        }

        uint dictionary = BinaryPrimitives.ReadUInt32LittleEndian(start[1..]);
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(start[5..]);
        int bits = BitOperations.PopCount(dictionary);
        bool isUsual = dictionary == uint.MaxValue || (dictionary >= 4096 && (bits == 1 || (bits == 2 && (dictionary & (dictionary >> 1)) != 0)));
        return isUsual && (length == ulong.MaxValue || length < 1UL << 38);
    }
}
