using NixFuseStore.Nix;

namespace NixFuseStore.Builds;

/// <summary>A build of this host, running or waiting for a slot.</summary>
/// <param name="Derivation">What is built.</param>
/// <param name="IsRunning">Whether it has a slot.</param>
/// <param name="Since">When it was first asked for.</param>
/// <param name="Waiters">Requests that wait for it.</param>
public sealed record BuildState(StorePath Derivation, bool IsRunning, DateTimeOffset Since, int Waiters);
