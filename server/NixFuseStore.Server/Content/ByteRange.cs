using System.Globalization;

namespace NixFuseStore.Server.Content;

/// <summary>The <c>Range</c> header (RFC 9110, 14), as far as one range goes; requests for several get the whole, which they must expect.</summary>
internal static class ByteRange
{
    /// <summary>Narrows what is to be sent, and sets status and headers accordingly.</summary>
    /// <param name="context">Its content length is that of the whole.</param>
    /// <param name="start">0, then the first byte to send.</param>
    /// <param name="end">The length of the whole, then behind the last byte to send.</param>
    /// <returns>False where nothing of the range is there: the response says so.</returns>
    public static bool TryApply(HttpContext context, ref long start, ref long end)
    {
        var ranges = context.Request.GetTypedHeaders().Range;
        if (ranges is not { Unit.Value: "bytes", Ranges.Count: 1 })
        {
            return true;
        }

        var whole = end;
        var range = ranges.Ranges.Single();
        if (range.From is { } from)
        {
            (start, end) = (from, Math.Min(range.To is { } last && last < long.MaxValue ? last + 1 : whole, whole));
        }
        else
        {
            start = Math.Max(0, whole - range.To!.Value);
        }

        if (start >= end)
        {
            context.Response.StatusCode = StatusCodes.Status416RangeNotSatisfiable;
            context.Response.ContentLength = 0;
            context.Response.Headers.ContentRange = string.Create(CultureInfo.InvariantCulture, $"bytes */{whole}");
            return false;
        }

        context.Response.StatusCode = StatusCodes.Status206PartialContent;
        context.Response.ContentLength = end - start;
        context.Response.Headers.ContentRange = string.Create(CultureInfo.InvariantCulture, $"bytes {start}-{end - 1}/{whole}");
        return true;
    }
}
