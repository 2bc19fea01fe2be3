using System.Text;
using Grpc.Core;
using NixFuseStore.Native.Text;
using NixFuseStore.Server.Base;

namespace NixFuseStore.Server.Endpoints;

/// <summary>The answer to a plain HTTP request that failed: a status and one line.</summary>
internal static class ErrorResponse
{
    /// <summary>Answers, unless the client has left; a response that has begun is broken off.</summary>
    /// <param name="context">The request.</param>
    /// <param name="exception">What went wrong.</param>
    /// <param name="challenge">How to authenticate, as <c>WWW-Authenticate</c> says it.</param>
    /// <param name="logger">Is told of what was not foreseen.</param>
    public static async Task WriteAsync(HttpContext context, Exception exception, string challenge, ILogger logger)
    {
        if (context.RequestAborted.IsCancellationRequested)
        {
            return;
        }

        var (code, detail, isBug) = ErrorStatus.Of(exception);
        if (isBug)
        {
            logger.CallFailed(context.Request.Path, exception);
        }

        if (context.Response.HasStarted || context.Response.BodyWriter.UnflushedBytes > 0)
        {
            // Some of the content went out already: only a broken connection tells that there is less than there should be.
            context.Abort();
            return;
        }

        context.Response.Clear();
        context.Response.ContentType = "text/plain; charset=utf-8";
        if (code == StatusCode.Unauthenticated)
        {
            context.Response.Headers.WWWAuthenticate = challenge;
        }

        try
        {
            await WriteAsync(context, ErrorStatus.HttpStatusOf(code), detail).ConfigureAwait(false);
        }
        catch (Exception e) when (context.RequestAborted.IsCancellationRequested || e is IOException or OperationCanceledException)
        {
            // The client left while it was answered, which on HTTP/2 the body tells before the request does.
        }
    }

    /// <summary>Answers with a status and a line.</summary>
    public static async Task WriteAsync(HttpContext context, int status, string line)
    {
        var bytes = Encoding.UTF8.GetBytes(PrintableText.Escape(line) + "\n");
        context.Response.StatusCode = status;
        context.Response.ContentType = "text/plain; charset=utf-8";
        context.Response.ContentLength = bytes.Length;
        await context.Response.Body.WriteAsync(bytes, CancellationToken.None).ConfigureAwait(false);
    }
}
