using System.Text;
using System.Text.Json;
using Grpc.Core;
using NixFuseStore.Server.Base;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Endpoints.BinaryCache;

/// <summary>
/// Answers requests for <c>debuginfo/BUILDID[.debug]</c>: which file of which NAR holds the debug information of a program, as
/// <c>nix copy --to '…?index-debug-info=true'</c> writes it.
/// </summary>
internal sealed class DebugInfos(IStoreTextCatalog texts)
{
    private const string Ending = ".debug";

    /// <summary>Build ids have 40 hex digits where they are SHA-1, and other lengths where a linker is told so.</summary>
    private const int BuildIdLengthMax = 128;

    /// <summary>Sends Nix's JSON form.</summary>
    /// <exception cref="RpcException">NOT_FOUND: no program with that build id is known.</exception>
    public async Task SendAsync(StoreRecord store, string name, HttpContext context, CancellationToken cancellation)
    {
        var json = Parse(name) is { } buildId ? await texts.FindTextAsync(store.Id, Key(buildId), cancellation).ConfigureAwait(false) : null;
        if (json is null)
        {
            throw new RpcException(new Status(StatusCode.NotFound, "no debug information of that build id is known here"));
        }

        var bytes = Encoding.UTF8.GetBytes(json);
        context.Response.ContentType = "application/json";
        context.Response.ContentLength = bytes.Length;
        if (HttpMethods.IsGet(context.Request.Method))
        {
            await context.Response.Body.WriteAsync(bytes, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Keeps what a program's debug information is in.</summary>
    /// <exception cref="RejectedRequestException">The name holds no build id, or the body is not of Nix's form.</exception>
    public async Task ReceiveAsync(StoreRecord store, string name, HttpRequest request, CancellationToken cancellation)
    {
        if (Parse(name) is not { } buildId)
        {
            throw new RejectedRequestException("debuginfo/ is followed by a build id in hex digits");
        }

        var json = await TextBody.ReadAsync(request, IStoreTextCatalog.LengthMax, cancellation).ConfigureAwait(false);
        if (!IsDebugInfo(json))
        {
            throw new RejectedRequestException("the body is not the JSON form of debug information: {\"archive\": \"…\", \"member\": \"…\"}");
        }

        await texts.SetTextAsync(store.Id, Key(buildId), json, cancellation).ConfigureAwait(false);
    }

    private static string Key(string buildId) => "debuginfo/" + buildId;

    private static string? Parse(string name)
    {
        var id = name.EndsWith(Ending, StringComparison.Ordinal) ? name[..^Ending.Length] : name;
        return id.Length is > 0 and <= BuildIdLengthMax && id.All(char.IsAsciiHexDigitLower) ? id : null;
    }

    private static bool IsDebugInfo(string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            return document.RootElement.ValueKind == JsonValueKind.Object
                && document.RootElement.TryGetProperty("archive", out var archive) && archive.ValueKind == JsonValueKind.String
                && document.RootElement.TryGetProperty("member", out var member) && member.ValueKind == JsonValueKind.String;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
