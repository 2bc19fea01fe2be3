using System.Diagnostics.CodeAnalysis;

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
        _ => throw new ArgumentOutOfRangeException(nameof(compression)),
    };

    /// <summary>The compression of that name; false for names that are not known here, such as <c>br</c>.</summary>
    public static bool TryParse(string name, [NotNullWhen(true)] out NarCompression? compression)
    {
        compression = name switch
        {
            "none" => NarCompression.None,
            "xz" => NarCompression.Xz,
            "bzip2" => NarCompression.Bzip2,
            "zstd" => NarCompression.Zstd,
            "gzip" => NarCompression.Gzip,
            _ => null,
        };
        return compression is not null;
    }

    /// <summary>Tells from the first bytes what a file is: its name need not say it, as that of a gzip file does not.</summary>
    public static bool TryDetect(ReadOnlySpan<byte> start, [NotNullWhen(true)] out NarCompression? compression)
    {
        ReadOnlySpan<byte> nar = "\x0d\0\0\0\0\0\0\0nix-arch"u8;
        ReadOnlySpan<byte> xz = [0xFD, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0];
        ReadOnlySpan<byte> zstd = [0x28, 0xB5, 0x2F, 0xFD];
        ReadOnlySpan<byte> gzip = [0x1F, 0x8B];
        compression = start.StartsWith(nar) ? NarCompression.None
            : start.StartsWith(xz) ? NarCompression.Xz
            : start.StartsWith("BZh"u8) ? NarCompression.Bzip2
            : start.StartsWith(zstd) ? NarCompression.Zstd
            : start.StartsWith(gzip) ? NarCompression.Gzip
            : null;
        return compression is not null;
    }
}
