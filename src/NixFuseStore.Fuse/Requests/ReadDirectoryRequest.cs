namespace NixFuseStore.Fuse.Requests;

/// <summary>READDIR or READDIRPLUS: a directory's entries after a cookie, as many as fit.</summary>
/// <param name="Node">The directory's node.</param>
/// <param name="Cookie">0 to begin with, later the cookie of the last entry that was taken; the file system chooses what cookies mean.</param>
/// <param name="Bytes">Room for the answer.</param>
/// <param name="WithAttributes">READDIRPLUS: each entry is a lookup's answer too.</param>
/// <param name="Caller">Who asks.</param>
public readonly record struct ReadDirectoryRequest(ulong Node, ulong Cookie, uint Bytes, bool WithAttributes, FuseCaller Caller);
