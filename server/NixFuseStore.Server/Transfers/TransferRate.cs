namespace NixFuseStore.Server.Transfers;

/// <summary>How slow a peer may be. Only time counts in which the server waits for the peer.</summary>
/// <param name="BytesPerSecond">The least that a peer has to take or send.</param>
/// <param name="Grace">How long it may stop altogether.</param>
internal sealed record TransferRate(int BytesPerSecond, TimeSpan Grace)
{
    /// <summary>That of transfers which have bounds of their own.</summary>
    public static TransferRate Unbounded { get; } = new(1, TimeSpan.FromDays(1));
}
