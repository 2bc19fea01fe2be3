using FASTER.core;

namespace NixFuseStore.Cache.Devices;

/// <summary>A read that FASTER asked for and does not wait for on the asking thread: pages of a scan or of recovery.</summary>
internal readonly record struct PageRead(
    BlockDevice Device, BlockFile File, long Offset, IntPtr Destination, uint Length, DeviceIOCompletionCallback Callback, object Context);
