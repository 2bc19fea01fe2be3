using NixFuseStore.Nix;

namespace NixFuseStore.Builds;

/// <summary>A build that is wanted on this host: it runs here or on another host, or waits for a slot.</summary>
/// <param name="Derivation">What is built.</param>
/// <param name="IsRunning">Whether it has a slot here.</param>
/// <param name="Host">The other host that builds it; null where none does.</param>
/// <param name="Since">When it was first asked for.</param>
/// <param name="Waiters">Requests that wait for it.</param>
public sealed record BuildState(StorePath Derivation, bool IsRunning, string? Host, DateTimeOffset Since, int Waiters);
