namespace NixFuseStore.Fuse.Kernel;

/// <summary>Bounds of the protocol as it is spoken here.</summary>
public static class FuseLimits
{
    /// <summary>Segments in one READ answer: IOV_MAX less the one for the header.</summary>
    public const int SegmentsMax = 1023;

    /// <summary>Bytes of a name, as in every other Linux file system. Longer ones are answered ENAMETOOLONG.</summary>
    public const int NameBytesMax = 255;

    /// <summary>Bytes of one READ answer: 256 pages, the most that the kernel grants without a sysctl.</summary>
    public const int ReadBytesMax = 1 << 20;

    /// <summary>
    /// Bytes of the buffer that requests are read into. The kernel wants 8 KiB or more; no request that is served carries
    /// more than two names, but BATCH_FORGET fills whatever is given.
    /// </summary>
    internal const int RequestBytesMax = 64 << 10;
}
