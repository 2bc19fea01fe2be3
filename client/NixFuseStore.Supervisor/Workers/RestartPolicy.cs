namespace NixFuseStore.Supervisor.Workers;

/// <summary>
/// Whether another worker follows one that has ended, and after which pause. One that has answered a request, or has run for a while, is
/// replaced at once; five in a row that did neither would go on doing so.
/// </summary>
internal sealed class RestartPolicy
{
    /// <summary>Workers in a row that have served nothing.</summary>
    public const int FailuresMax = 5;

    private static readonly TimeSpan ShortLife = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(200);

    /// <summary>Workers up to now, in a row, that have served nothing.</summary>
    public int Failures { get; private set; }

    /// <summary>A worker has ended.</summary>
    /// <param name="hasServed">Whether it has answered a request.</param>
    /// <param name="lifetime">How long it has run.</param>
    /// <returns>The pause before the next; null: none follows.</returns>
    public TimeSpan? OnEnded(bool hasServed, TimeSpan lifetime)
    {
        Failures = hasServed || lifetime >= ShortLife ? 0 : Failures + 1;
        return Failures switch
        {
            // One alone may have been killed by chance.
            <= 1 => TimeSpan.Zero,
            < FailuresMax => FirstPause * (1 << (Failures - 2)),
            _ => null,
        };
    }
}
