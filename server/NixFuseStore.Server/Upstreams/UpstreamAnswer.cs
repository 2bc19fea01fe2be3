using System.Net;

namespace NixFuseStore.Server.Upstreams;

/// <summary>What an upstream cache answered.</summary>
/// <param name="Status">The status.</param>
/// <param name="Body">The decoded bytes of a small file.</param>
/// <param name="RetryAfter">How long it wants to be left alone, if it says so.</param>
/// <param name="Response">The open response of a large file.</param>
internal sealed record UpstreamAnswer(HttpStatusCode Status, byte[] Body, TimeSpan? RetryAfter, HttpResponseMessage? Response);
