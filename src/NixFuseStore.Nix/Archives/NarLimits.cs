namespace NixFuseStore.Nix.Archives;

/// <summary>Bounds on file trees, for archives and directories alike. Nix 2.34 has the same on names and targets.</summary>
public static class NarLimits
{
    /// <summary>Bytes of the longest file name; Linux has no longer ones.</summary>
    public const int NameBytesMax = 255;

    /// <summary>Bytes of the longest link target; Linux has no longer ones.</summary>
    public const int TargetBytesMax = 4095;

    /// <summary>Directories within each other. A full path of Linux (4,095 bytes) cannot name files deeper than about 2,000.</summary>
    public const int DepthMax = 1024;

    /// <summary>Bytes of the largest regular file: what a file offset of Linux can say, less room for a NAR's padding.</summary>
    public const ulong FileBytesMax = long.MaxValue - 4096;

    /// <summary>Whether these bytes can name a directory's entry.</summary>
    public static bool IsEntryName(ReadOnlySpan<byte> name) =>
        name.Length is > 0 and <= NameBytesMax
        && !name.ContainsAny((byte)'/', (byte)0)
        && !name.SequenceEqual("."u8)
        && !name.SequenceEqual(".."u8);

    /// <summary>Whether these bytes can be the target of a link.</summary>
    public static bool IsTarget(ReadOnlySpan<byte> target) => target.Length is > 0 and <= TargetBytesMax && !target.Contains((byte)0);
}
