namespace NixFuseStore.Fuse.Kernel;

/// <summary>How long the kernel may keep an answer without asking again.</summary>
public readonly record struct FuseTimeout(ulong Seconds, uint Nanoseconds)
{
    /// <summary>Not at all.</summary>
    public static FuseTimeout None => default;

    /// <summary>
    /// For as long as it likes (68 years). Larger values would do too, but the kernel turns seconds into ticks and this
    /// one was tried.
    /// </summary>
    public static FuseTimeout Infinite => new(int.MaxValue, 0);

    /// <summary>A timeout of so many milliseconds.</summary>
    public static FuseTimeout FromMilliseconds(uint milliseconds) => new(milliseconds / 1000, milliseconds % 1000 * 1_000_000);
}
