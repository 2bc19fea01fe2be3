using FASTER.core;

namespace NixFuseStore.Cache.Devices;

/// <summary>A write of log or checkpoint.</summary>
internal readonly record struct PageWrite(
    BlockFile File, long Offset, IntPtr Source, uint Length, DeviceIOCompletionCallback Callback, object Context);
