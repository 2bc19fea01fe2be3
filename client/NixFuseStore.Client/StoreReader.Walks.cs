using NixFuseStore.Client.Metadata;
using NixFuseStore.Client.Prefetch;
using NixFuseStore.Client.Trees;
using NixFuseStore.Content;
using NixFuseStore.Nix;

namespace NixFuseStore.Client;

/// <content>Whole paths that are read one after the other.</content>
public sealed partial class StoreReader
{
    /// <summary>Paths that are looked at for one window: many are tiny.</summary>
    private const int PathsAheadMax = 64;

    /// <summary>Paths of at most so much content are fetched whole where a program reads path after path.</summary>
    private const long SmallPathBytes = 64 << 10;

    /// <summary>The same of all paths of one step of a scan.</summary>
    private const long SmallPathsBytes = 4 << 20;

    private readonly PathScan _scan = new();
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

    // Of a path of which nothing was here, or that came with a scan: the first look inside.
    private void OnEntered(PathHandle handle, bool read)
    {
        if (_scan.OnEntered(handle.Path.BaseName, read) is { } step)
        {
            _ = ScanQuietlyAsync(step);
        }
    }

    private async Task ScanQuietlyAsync(ScanStep step)
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        try
        {
            var page = await ListFromServerAsync(step.After, step.Limit, _stop.Token).ConfigureAwait(false);
            var names = _scan.OnListed(in step, [.. page.Entries.Select(static entry => entry.BaseName)]);
            await _closures.FetchPathsAsync([.. names.Where(name => !IsHere(name)).Select(static name => name[..StorePath.HashPartLength])]).ConfigureAwait(false);
            if (step.WithContent)
            {
                await FetchSmallAsync(names).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // No caller asked for this. A read of the same is told the error.
            _scan.OnFailed();
        }
    }

    private async Task FetchSmallAsync(IReadOnlyList<string> names)
    {
        var left = SmallPathsBytes;
        foreach (var name in names)
        {
            if (!StorePath.TryParseBaseName(name, out var path) || TryFindHere(Key256.OfHashPart(name), path) is not { } handle || !IsHere(handle.Header))
            {
                continue;
            }

            var content = handle.Content ?? await LoadContentOnceAsync(handle).WaitAsync(_stop.Token).ConfigureAwait(false);
            var length = content.Chunks.StreamLength;
            if (length <= Math.Min(SmallPathBytes, left)
                && _fetcher.Policy.Enter(content.ReadAhead, length, length) is { IsEmpty: false } range)
            {
                _fetcher.ReadAhead(content, in range, fileStart: 0);
                left -= length;
            }
        }
    }

    private bool IsHere(string baseName) =>
        StorePath.TryParseBaseName(baseName, out var path) && TryFindHere(Key256.OfHashPart(baseName), path) is { } handle && IsHere(handle.Header);

    private bool IsHere(ManifestHeader header)
    {
        for (var section = ManifestSection.Tree; section <= ManifestSection.Blanks; section++)
        {
            if (header.GetLength(section) > 0 && !_sections.Has(header.GetDigest(section)))
            {
                return false;
            }
        }

        return true;
    }
}
