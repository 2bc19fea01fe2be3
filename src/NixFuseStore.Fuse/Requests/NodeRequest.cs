namespace NixFuseStore.Fuse.Requests;

/// <summary>A request that carries nothing but a node: GETATTR (the handle it may carry is never used), READLINK, STATFS.</summary>
/// <param name="Node">The node asked about.</param>
/// <param name="Caller">Who asks.</param>
public readonly record struct NodeRequest(ulong Node, FuseCaller Caller);
