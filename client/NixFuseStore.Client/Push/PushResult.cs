namespace NixFuseStore.Client.Push;

/// <summary>A finished push.</summary>
/// <param name="Paths">Every path's outcome: those that were valid before first, then in the order in which they became known.</param>
/// <param name="Elapsed">How long it took.</param>
public sealed record PushResult(IReadOnlyList<PushedPath> Paths, TimeSpan Elapsed)
{
    /// <summary>How many paths had this outcome.</summary>
    public int Count(PushOutcome outcome) => Paths.Count(path => path.Outcome == outcome);

    /// <summary>Whether every path is valid on the server now.</summary>
    public bool IsComplete => Count(PushOutcome.Failed) == 0;
}
