namespace NixFuseStore.Nix.BinaryCaches;

/// <summary>How a binary cache keeps a NAR. The numbers are kept in databases and never change.</summary>
public enum NarCompression
{
    /// <summary>As it is.</summary>
    None = 0,

    /// <summary>.xz, the default of <c>nix copy</c>.</summary>
    Xz = 1,

    /// <summary>.bz2, the default of old caches.</summary>
    Bzip2 = 2,

    /// <summary>.zst</summary>
    Zstd = 3,

    /// <summary>gzip; Nix gives such files no ending of their own.</summary>
    Gzip = 4,

    /// <summary>.lz4</summary>
    Lz4 = 5,

    /// <summary>The old format of LZMA; Nix gives such files no ending of their own.</summary>
    Lzma = 6,

    /// <summary>.lzip</summary>
    Lzip = 7,

    /// <summary>.br, which has no first bytes of its own.</summary>
    Brotli = 8,

    /// <summary>What compress(1) writes; Nix gives such files no ending of their own.</summary>
    Compress = 9,
}
