using NixFuseStore.Cache;

namespace NixFuseStore.Client;

/// <content>What a check needs.</content>
public sealed partial class StoreReader
{
    /// <summary>Reads every chunk that the disk cache holds, of whichever path.</summary>
    /// <param name="repair">Whether damaged ones are dropped.</param>
    /// <param name="cancellationToken">Ends the check.</param>
    /// <returns>Null where there is no cache, or it is not open: then it holds nothing that a reader would be given.</returns>
    internal async Task<VerifyReport?> VerifyCacheAsync(bool repair, CancellationToken cancellationToken)
    {
        try
        {
            return await _cache.WaitAsync(cancellationToken).ConfigureAwait(false) is { } cache
                ? await cache.VerifyAsync(repair, progress: null, cancellationToken).ConfigureAwait(false)
                : null;
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }
}
