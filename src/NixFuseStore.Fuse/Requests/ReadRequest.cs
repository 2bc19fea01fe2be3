namespace NixFuseStore.Fuse.Requests;

/// <summary>READ: bytes of a file. A shorter answer than asked for means the end of the file.</summary>
/// <param name="Node">The file's node.</param>
/// <param name="Offset">First byte; may lie behind the end.</param>
/// <param name="Bytes">Number of bytes wanted, at most what INIT agreed on (1 MiB).</param>
/// <param name="Caller">Who asks.</param>
public readonly record struct ReadRequest(ulong Node, ulong Offset, uint Bytes, FuseCaller Caller);
