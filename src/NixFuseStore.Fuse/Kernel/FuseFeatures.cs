namespace NixFuseStore.Fuse.Kernel;

/// <summary>Features that the kernel offers and a file system asks for in INIT. Those above bit 31 travel in a second word.</summary>
[Flags]
public enum FuseFeatures : ulong // FUSE_… INIT flags
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>FUSE_ASYNC_READ: several reads of a file at once.</summary>
    AsyncRead = 1 << 0,

    /// <summary>
    /// FUSE_EXPORT_SUPPORT: "." and ".." can be looked up, so that file handles outlive the kernel's cache. Not wanted, see
    /// <see cref="NoExportSupport"/>.
    /// </summary>
    ExportSupport = 1 << 4,

    /// <summary>FUSE_BIG_WRITES: writes beyond 4 KiB; without it kernels before 4.20 also limit other requests to a page.</summary>
    BigWrites = 1 << 5,

    /// <summary>FUSE_AUTO_INVAL_DATA: drop pages when size or time change. Not wanted: content never changes.</summary>
    AutoInvalidateData = 1 << 12,

    /// <summary>FUSE_DO_READDIRPLUS: listings carry attributes.</summary>
    ReadDirectoryPlus = 1 << 13,

    /// <summary>FUSE_READDIRPLUS_AUTO: only where they are looked at.</summary>
    ReadDirectoryPlusAuto = 1 << 14,

    /// <summary>FUSE_ASYNC_DIO: several direct reads at once.</summary>
    AsyncDirectIo = 1 << 15,

    /// <summary>FUSE_NO_OPEN_SUPPORT: OPEN may be answered ENOSYS, once.</summary>
    NoOpenSupport = 1 << 17,

    /// <summary>FUSE_PARALLEL_DIROPS: several lookups and listings in a directory at once.</summary>
    ParallelDirectoryOperations = 1 << 18,

    /// <summary>FUSE_ABORT_ERROR: reading after an abort says ECONNABORTED, not ENODEV.</summary>
    AbortError = 1 << 20,

    /// <summary>FUSE_MAX_PAGES: reads may be larger than 128 KiB.</summary>
    MaxPages = 1 << 22,

    /// <summary>FUSE_CACHE_SYMLINKS: targets of links are kept.</summary>
    CacheSymlinks = 1 << 23,

    /// <summary>FUSE_NO_OPENDIR_SUPPORT: OPENDIR may be answered ENOSYS, once; listings are then kept.</summary>
    NoOpenDirectorySupport = 1 << 24,

    /// <summary>FUSE_EXPLICIT_INVAL_DATA: pages are dropped only when we say so.</summary>
    ExplicitInvalidateData = 1 << 25,

    /// <summary>FUSE_INIT_EXT: the second word counts.</summary>
    InitExtended = 1 << 30,

    /// <summary>
    /// FUSE_NO_EXPORT_SUPPORT: files cannot be found by handle at all (Linux 6.9). overlayfs looks for the lower file of each file that was copied
    /// up by its handle, and goes on without where there is none; but a file that is found so has a dentry without a name, which Linux 6.16 to
    /// 6.18 at least never takes for valid (no epoch is set in it): "Stale file handle", until the overlay is mounted anew.
    /// </summary>
    NoExportSupport = 1UL << 38,

    /// <summary>FUSE_HAS_RESEND: the kernel can send requests under way again (Linux 6.9).</summary>
    Resend = 1UL << 39,
}
