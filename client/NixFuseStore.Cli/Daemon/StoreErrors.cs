using NixFuseStore.Client.Server;
using NixFuseStore.Content;
using NixFuseStore.Daemon;

namespace NixFuseStore.Cli.Daemon;

/// <summary>Turns what the client library throws into what a daemon's client is told.</summary>
internal static class StoreErrors
{
    public static async ValueTask<T> TranslateAsync<T>(ValueTask<T> work)
    {
        try
        {
            return await work.ConfigureAwait(false);
        }
        catch (Exception e) when (IsExpected(e))
        {
            throw new DaemonStoreException(Describe(e), e);
        }
    }

    /// <summary>As the other, but for one kind of exception that the caller wants to see.</summary>
    public static async ValueTask<T> TranslateOthersAsync<T, TSeen>(ValueTask<T> work)
        where TSeen : Exception
    {
        try
        {
            return await work.ConfigureAwait(false);
        }
        catch (Exception e) when (e is not TSeen && IsExpected(e))
        {
            throw new DaemonStoreException(Describe(e), e);
        }
    }

    public static async Task<T> TranslateAsync<T>(Task<T> work) => await TranslateAsync(new ValueTask<T>(work)).ConfigureAwait(false);

    public static Task TranslateAsync(Task work) => TranslateAsync(new ValueTask(work)).AsTask();

    public static async ValueTask TranslateAsync(ValueTask work)
    {
        try
        {
            await work.ConfigureAwait(false);
        }
        catch (Exception e) when (IsExpected(e))
        {
            throw new DaemonStoreException(Describe(e), e);
        }
    }

    public static T Translate<T>(Func<T> work)
    {
        try
        {
            return work();
        }
        catch (Exception e) when (IsExpected(e))
        {
            throw new DaemonStoreException(Describe(e), e);
        }
    }

    private static bool IsExpected(Exception exception) =>
        exception is StoreClientException or FormatException or ManifestFormatException or ObjectDisposedException;

    private static string Describe(Exception exception) =>
        exception is ObjectDisposedException ? "the store is being unmounted" : exception.Message.TrimEnd('.');
}
