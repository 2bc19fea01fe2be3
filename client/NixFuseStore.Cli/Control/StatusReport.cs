namespace NixFuseStore.Cli.Control;

/// <summary>What <c>nixfuse status --json</c> prints.</summary>
/// <param name="Mounts">All mounts that this user may ask.</param>
internal sealed record StatusReport(IReadOnlyList<MountStatus> Mounts);

/// <summary>What <c>nixfuse builds --json</c> prints.</summary>
/// <param name="Builds">The builds of all mounts that this user may ask.</param>
internal sealed record BuildsReport(IReadOnlyList<BuildReport> Builds);

/// <summary>A build: names are only ever added.</summary>
/// <param name="MountPoint">The mount that builds.</param>
/// <param name="Derivation">Full path of the .drv.</param>
/// <param name="State"><c>running</c>, <c>queued</c> for want of a slot, or <c>elsewhere</c> where another host builds it.</param>
/// <param name="Host">The other host, where there is one.</param>
/// <param name="Seconds">Since it was first asked for.</param>
/// <param name="Waiters">Requests that wait for it.</param>
internal sealed record BuildReport(string MountPoint, string Derivation, string State, string? Host, double Seconds, int Waiters);
