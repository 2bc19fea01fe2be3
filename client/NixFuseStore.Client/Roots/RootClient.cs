namespace NixFuseStore.Client.Roots;

/// <summary>The process that asks for a root, as the kernel knows it.</summary>
/// <param name="Owner">Whose the root will be.</param>
/// <param name="ProcessId">Its id here; 0 where it has none.</param>
/// <param name="StartTicks">When it started, clock ticks after boot, so that no other process is taken for it; 0 where unknown.</param>
public readonly record struct RootClient(RootOwner Owner, int ProcessId, ulong StartTicks);
