using NixFuseStore.Nix;

namespace NixFuseStore.Server.Base;

/// <summary>Every message that the server logs.</summary>
internal static partial class Log
{
    [LoggerMessage(17, LogLevel.Warning, "{Loop} failed and is tried again: {Reason}")]
    public static partial void LoopFailed(this ILogger logger, string loop, string reason);

    [LoggerMessage(18, LogLevel.Information, "{Store}: signed {Count} paths again with {Key}")]
    public static partial void SignedAgain(this ILogger logger, string store, int count, string key);

    [LoggerMessage(15, LogLevel.Debug, "{Method} {Path} {Status} {Milliseconds:0.0} ms ({Address}, {Protocol})")]
    public static partial void Request(
        this ILogger logger, string method, string path, string status, double milliseconds, System.Net.IPAddress? address, string protocol);

    [LoggerMessage(16, LogLevel.Warning, "{State}")]
    public static partial void Readiness(this ILogger logger, string state);

    [LoggerMessage(14, LogLevel.Warning, "{Line}")]
    public static partial void Notice(this ILogger logger, string line);

    [LoggerMessage(1, LogLevel.Error, "{Call} failed")]
    public static partial void CallFailed(this ILogger logger, string call, Exception exception);

    [LoggerMessage(2, LogLevel.Information, "{Store}: registered {Registered} of {Asked} paths in {Milliseconds} ms ({Principal})")]
    public static partial void Registered(this ILogger logger, string store, int registered, int asked, long milliseconds, string principal);

    [LoggerMessage(3, LogLevel.Warning, "{Store}: refused {Path}: {Reason} ({Principal})")]
    public static partial void Refused(this ILogger logger, string store, string path, string reason, string principal);

    [LoggerMessage(4, LogLevel.Information, "{Store}: revoked {Count} paths ({Principal})")]
    public static partial void Revoked(this ILogger logger, string store, int count, string principal);

    [LoggerMessage(5, LogLevel.Warning, "cannot read a chunk of manifest {Manifest}: {Reason}")]
    public static partial void ChunkUnreadable(this ILogger logger, string manifest, string reason);

    [LoggerMessage(6, LogLevel.Information, "stopping")]
    public static partial void Stopping(this ILogger logger);

    [LoggerMessage(8, LogLevel.Information, "reloaded the certificate {File}")]
    public static partial void CertificateReloaded(this ILogger logger, string file);

    [LoggerMessage(9, LogLevel.Warning, "cannot reload the certificate {File}, the old one stays in use: {Reason}")]
    public static partial void CertificateNotReloaded(this ILogger logger, string file, string reason);

    [LoggerMessage(10, LogLevel.Warning, "the upstream {Url} cannot be reached and is not asked for {Seconds} s: {Reason}")]
    public static partial void UpstreamRests(this ILogger logger, string url, int seconds, string reason);

    [LoggerMessage(11, LogLevel.Information, "the upstream {Url} answers again")]
    public static partial void UpstreamBack(this ILogger logger, string url);

    [LoggerMessage(12, LogLevel.Information, "{Store}: fetched {Path} from {Url} in {Milliseconds} ms")]
    public static partial void Fetched(this ILogger logger, string store, string path, string url, long milliseconds);

    [LoggerMessage(14, LogLevel.Warning, "the upstream {Url} cannot give the path {HashPart}: {Reason}")]
    public static partial void UpstreamPathUnusable(this ILogger logger, string url, string hashPart, string reason);

    [LoggerMessage(15, LogLevel.Warning, "cannot read the netrc file {File}, so no upstream gets a user and password from it: {Reason}")]
    public static partial void NetrcUnreadable(this ILogger logger, string file, string reason);

    [LoggerMessage(13, LogLevel.Warning, "{Store}: {Subject} cannot be used as upstream setting: {Reason}")]
    public static partial void UpstreamSettingUnusable(this ILogger logger, string store, string subject, string reason);

    [LoggerMessage(19, LogLevel.Information, "{Store}: build {Number} of {Derivation} begins on {Host}")]
    public static partial void BuildBegins(this ILogger logger, string store, long number, StorePath derivation, string host);

    [LoggerMessage(20, LogLevel.Information, "{Store}: build {Number} is given up by its host, and others may begin it")]
    public static partial void BuildGivenUp(this ILogger logger, string store, long number);
}
