using FASTER.core;

namespace NixFuseStore.Cache.Devices;

/// <summary>A write that FASTER asked for: a page of the log, or a part of one.</summary>
internal readonly record struct PageWrite(
    SegmentDevice Device, SegmentFile File, long Address, IntPtr Source, uint Length, DeviceIOCompletionCallback Callback, object Context);
