using System.Text;
using Google.Protobuf;
using Google.Protobuf.Collections;
using Grpc.Core;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;
using NixFuseStore.Storage.Metadata;
using NixRealisation = NixFuseStore.Nix.Realisations.Realisation;

namespace NixFuseStore.Server.Endpoints.Grpc;

/// <summary>What requests hold, as types. Whatever is not as it must be is INVALID_ARGUMENT.</summary>
internal static class RequestChecks
{
    public static RpcException Invalid(string detail) => new(new Status(StatusCode.InvalidArgument, detail));

    /// <summary>The id of a derivation's output.</summary>
    public static void CheckRealisationId(string id)
    {
        if (!NixRealisation.IsId(id))
        {
            throw Invalid($"'{id}' is not the id of a derivation's output (sha256:HEX!OUTPUT)");
        }
    }

    /// <summary>What an output came to.</summary>
    public static NixRealisation ParseRealisation(Realisation item)
    {
        CheckRealisationId(item.Id);
        return item.Json.Length <= NixRealisation.JsonLengthMax && NixRealisation.TryParse(item.Json, out var realisation) && realisation.Id == item.Id
            ? realisation
            : throw Invalid($"the realisation of '{item.Id}' is no JSON object of at most {NixRealisation.JsonLengthMax} characters with this id and an outPath");
    }


    public static void CheckCount<T>(RepeatedField<T> items, int countMax, string what)
    {
        if (items.Count > countMax)
        {
            throw Invalid($"at most {countMax} {what} can be named at once");
        }
    }

    public static StorePath ParsePath(string name) =>
        StorePath.TryParseBaseName(name, out var path) ? path : throw Invalid($"'{name}' is not the base name of a store path");

    public static StorePath ParseDerivation(string name)
    {
        var path = ParsePath(name);
        return path.Name.EndsWith(".drv", StringComparison.Ordinal) ? path : throw Invalid($"'{name}' is not the base name of a derivation");
    }

    public static StorePath[] ParsePaths(RepeatedField<string> names, int countMax)
    {
        CheckCount(names, countMax, "paths");
        var paths = new StorePath[names.Count];
        for (var i = 0; i < paths.Length; i++)
        {
            paths[i] = ParsePath(names[i]);
        }

        return paths;
    }

    /// <summary>A text that is not empty, not too long in UTF-8, and without NUL, which PostgreSQL does not store.</summary>
    public static string CheckText(string text, int bytesMax, string what) =>
        text.Length > 0 && Encoding.UTF8.GetByteCount(text) <= bytesMax && !text.Contains('\0', StringComparison.Ordinal)
            ? text
            : throw Invalid($"a {what} must have 1 to {bytesMax} bytes and no NUL among them");

    /// <summary>What base names of store paths may begin with. Anything else is no question that a database could answer.</summary>
    public static void CheckNamePart(string text, string what)
    {
        if (text.Length > StorePath.BaseNameLengthMax || text.Any(static c => !(char.IsAsciiLetterOrDigit(c) || c is '+' or '-' or '.' or '_' or '?' or '=')))
        {
            throw Invalid($"the {what} holds characters that names of store paths do not have, or too many");
        }
    }

    public static TimeSpan CheckLease(uint seconds, TimeSpan longest) =>
        seconds > 0 && seconds <= longest.TotalSeconds
            ? TimeSpan.FromSeconds(seconds)
            : throw Invalid($"a lease must last 1 to {longest.TotalSeconds:F0} seconds");

    /// <summary>A caller that means another store than the one that has the name now is told so.</summary>
    public static void CheckStoreId(StoreRecord store, ByteString id)
    {
        if (!id.IsEmpty && !id.Span.SequenceEqual(store.Uuid))
        {
            throw new RpcException(new Status(
                StatusCode.FailedPrecondition,
                $"these paths were added to another store than the one that is called '{store.Name}' here; mount it anew"));
        }
    }

    public static void CheckLog(BuildLog log)
    {
        if (log.PlainLength > BuildLog.PlainBytesMax || log.Zstd.Length > BuildLog.ZstdBytesMax)
        {
            throw Invalid(
                $"a log may have at most {BuildLog.PlainBytesMax} bytes, compressed {BuildLog.ZstdBytesMax}; this one has {log.PlainLength} and {log.Zstd.Length}");
        }
    }
}
