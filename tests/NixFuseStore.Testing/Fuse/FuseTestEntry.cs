using NixFuseStore.Fuse.Kernel;

namespace NixFuseStore.Testing.Fuse;

/// <summary>An entry of a listing; <paramref name="Entry"/> only in plus listings.</summary>
public sealed record FuseTestEntry(string Name, ulong Inode, ulong Cookie, uint Type, FuseEntryOut? Entry);
