namespace NixFuseStore.Cli.Control;

/// <summary>A line of the answer. Progress lines may come before the one that says done or names the error; then the connection closes.</summary>
internal sealed record ControlReply
{
    public MountStatus? Status { get; init; }

    /// <summary>How far it is, in words.</summary>
    public string? Progress { get; init; }

    /// <summary>A line that a build has printed.</summary>
    public string? Line { get; init; }

    public VerifyResult? Verify { get; init; }

    /// <summary>One line for the user; the request failed.</summary>
    public string? Error { get; init; }

    /// <summary>The request is fulfilled.</summary>
    public bool Done { get; init; }

    /// <summary>What there is to say about it.</summary>
    public string? Message { get; init; }
}
