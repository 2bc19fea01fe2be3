using NixFuseStore.Client.Server;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.FileSystem.Errors;

/// <summary>The one place that turns what went wrong into what a program sees. Never ENOENT: that would be a statement about the store.</summary>
internal static class ErrorMap
{
    public static Errno ToErrno(Exception exception) => exception switch
    {
        // Who may not read the store sees that, rather than a broken disk.
        StoreAccessException => Errno.EACCES,
        OutOfMemoryException => Errno.ENOMEM,
        _ => Errno.EIO,
    };

    /// <summary>Why, in a few words for the log.</summary>
    public static string Describe(Exception exception) => exception switch
    {
        StoreClientException => exception.Message,
        OperationCanceledException => "the deadline passed",
        TimeoutException => exception.Message,
        IOException => exception.Message,
        _ => $"unexpected {exception.GetType().Name}: {exception.Message}",
    };
}
