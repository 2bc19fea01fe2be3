namespace NixFuseStore.Fuse.Tests.Requests;

/// <summary>One request of every kind.</summary>
internal static class RequestVectors
{
    public static readonly RequestVector[] All = [.. ServedRequestVectors.All, .. SessionRequestVectors.All];
}
