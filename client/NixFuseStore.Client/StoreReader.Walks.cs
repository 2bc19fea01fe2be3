using NixFuseStore.Client.Trees;


namespace NixFuseStore.Client;

/// <content>Whole paths that are read one after the other.</content>
public sealed partial class StoreReader
{
    /// <summary>Paths that are looked at for one window: many are tiny.</summary>
    private const int PathsAheadMax = 64;

    private int _entering;
    private int _entered;

    /// <summary>How often the beginning of a next path was asked for.</summary>
    internal int NextPathsEntered => Volatile.Read(ref _entered);

    /// <inheritdoc/>
    public void OnListed(PathHandle handle)
    {
        ArgumentNullException.ThrowIfNull(handle);
        _walk.OnListed(handle);
    }

    // A reader of whole files comes to the end of a path. One look ahead at a time; the next read brings another one.
    private void EnterNext(PathHandle from, long bytes)
    {
        if (_walk.TryGetNext(from, out var next) && Interlocked.Exchange(ref _entering, 1) == 0)
        {
            Interlocked.Increment(ref _entered);
            _ = EnterQuietlyAsync(next, bytes);
        }
    }

    private async Task EnterQuietlyAsync(PathHandle path, long bytes)
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        try
        {
            await EnterAsync(path, bytes).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // No caller asked for this. A read of the same is told the error.
        }
        finally
        {
            Volatile.Write(ref _entering, 0);
        }
    }

    private async Task EnterAsync(PathHandle? path, long bytes)
    {
        for (var i = 0; i < PathsAheadMax && bytes > 0 && path is not null; i++)
        {
            var content = path.Content ?? await LoadContentOnceAsync(path).WaitAsync(_stop.Token).ConfigureAwait(false);
            var length = content.Chunks.StreamLength;
            if (_fetcher.Policy.Enter(content.ReadAhead, bytes, length) is { IsEmpty: false } range)
            {
                _fetcher.ReadAhead(content, in range, fileStart: 0);
            }

            bytes -= length;
            _walk.TryGetNext(path, out path);
        }
    }
}
