using NixFuseStore.Fuse.Kernel;

namespace NixFuseStore.Fuse.Sessions;

/// <summary>
/// What INIT agreed on. A process that takes over a mount needs it (<see cref="FuseSessionOptions.Resume"/>), since the
/// kernel does not ask again; nor does it ask again for what was once answered ENOSYS, which is the same in every version.
/// </summary>
/// <param name="Minor">Minor version of the kernel's protocol (major is 7).</param>
/// <param name="Features">Features that both sides have.</param>
/// <param name="ReadAheadBytes">Read-ahead granted, before <see cref="Mounting.FuseMount.SetReadAhead"/>.</param>
public sealed record FuseConnection(uint Minor, FuseFeatures Features, uint ReadAheadBytes);
