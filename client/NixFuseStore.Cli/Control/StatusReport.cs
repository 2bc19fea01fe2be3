namespace NixFuseStore.Cli.Control;

/// <summary>What <c>nixfuse status --json</c> prints.</summary>
/// <param name="Mounts">All mounts that this user may ask.</param>
internal sealed record StatusReport(IReadOnlyList<MountStatus> Mounts);
