namespace NixFuseStore.Daemon.Wire;

/// <summary>Data without any framing, as protocols before 1.23 send a NAR: only what it says of itself shows where it ends.</summary>
internal sealed class BareData : IRequestData
{
    /// <summary>Whether the NAR has been read to its end.</summary>
    internal bool IsComplete { get; set; }

    /// <inheritdoc/>
    public ValueTask<bool> SkipAsync() => new(IsComplete);
}
