namespace NixFuseStore.Cli.Control;

/// <summary>What a mount builds.</summary>
/// <param name="JobsMax">Builds at a time.</param>
/// <param name="Builds">What runs and waits, in the order in which it was asked for.</param>
internal sealed record BuildsStatus(int JobsMax, IReadOnlyList<BuildStatusEntry> Builds);

/// <summary>A build.</summary>
/// <param name="Derivation">Full path of the .drv.</param>
/// <param name="State"><c>running</c>, or <c>queued</c> for want of a slot.</param>
/// <param name="Seconds">Since it was first asked for.</param>
/// <param name="Waiters">Requests that wait for it.</param>
internal sealed record BuildStatusEntry(string Derivation, string State, double Seconds, int Waiters);
