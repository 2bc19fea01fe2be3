namespace NixFuseStore.Server.Upstreams;

/// <summary>Where something is wrong.</summary>
internal enum UpstreamFault
{
    /// <summary>One path cannot be had from the cache; others are not concerned.</summary>
    Path,

    /// <summary>The same, but another attempt may bring it: a download broke off.</summary>
    Transfer,

    /// <summary>The cache cannot be reached, or says itself that it cannot answer.</summary>
    Cache,
}

/// <summary>An upstream cache did not do what it should; the message is the reason, whose foreign parts are not escaped yet.</summary>
internal sealed class UpstreamException(string message, UpstreamFault fault = UpstreamFault.Path, Exception? inner = null) : IOException(message, inner)
{
    public UpstreamFault Fault => fault;

    /// <summary>How long the cache wants to be left alone; null where it did not say.</summary>
    public TimeSpan? RetryAfter { get; init; }
}
