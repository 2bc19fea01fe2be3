using NixFuseStore.Client.Changes;
using NixFuseStore.Client.Server;
using NixFuseStore.Content;
using NixFuseStore.Nix;

namespace NixFuseStore.FileSystem.Notifications;

/// <content>Where changes come from: the store's events, and asking again after a gap in them.</content>
internal sealed partial class ChangeNotifier
{
    /// <summary>Paths asked for at once when rechecking.</summary>
    private const int RecheckBatch = 1000;

    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(1);

    /// <summary>Receives until cancelled. The watch has begun when this returns its task: no change behind the call is missed.</summary>
    private async Task WatchAsync(CancellationToken cancellationToken)
    {
        var isToldOf = false;
        for (var isAgain = false; !cancellationToken.IsCancellationRequested; isAgain = true)
        {
            try
            {
                var changes = _reader.WatchChangesAsync(cancellationToken);
                if (isAgain)
                {
                    // Whatever was missed until now, and only until now, is found out by rechecking.
                    Receive(new StoreChange(StoreChangeKind.Resync, ""));
                }

                await foreach (var change in changes.ConfigureAwait(false))
                {
                    isToldOf = false;
                    Receive(change);
                }
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception exception)
            {
                // Whatever it is, this loop must live: without it the kernel would show removed paths.
                if (!isToldOf)
                {
                    isToldOf = true;
                    _log?.Invoke($"cannot follow the store's changes: {exception.Message}; trying again");
                }
            }

            // The stream is not meant to end.
            await Task.Delay(RetryDelay, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Ours first, so that a lookup behind the announcement does not find the path in a listing again.</summary>
    private void Receive(in StoreChange change)
    {
        switch (change.Kind)
        {
            case StoreChangeKind.Removed:
                _listing.Listed.Forget(change.BaseName);
                break;
            case StoreChangeKind.Resync:
                _listing.Listed.ForgetAll();
                break;
            default:
                break;
        }

        Enqueue(change);
    }

    /// <summary>
    /// Asks again for every path that the kernel may know, and announces those that are gone or have other content now.
    /// One at a time: a gap that shows up meanwhile is rechecked behind it.
    /// </summary>
    private async Task RecheckAsync(Task before, CancellationToken cancellationToken)
    {
        await before.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        var paths = KnownPaths();
        for (var start = 0; start < paths.Length;)
        {
            var batch = paths[start..Math.Min(paths.Length, start + RecheckBatch)];
            try
            {
                var found = await _reader.FindManyAsync([.. batch.Select(known => known.Path)], cancellationToken).ConfigureAwait(false);
                for (var i = 0; i < batch.Length; i++)
                {
                    // Removed ones too: their event may be what was missed.
                    if (batch[i].IsRemoved || found[i] is not { } now || now.Digest != batch[i].Digest)
                    {
                        AnnounceRemoval(batch[i].Path.BaseName);
                    }
                }

                start += batch.Length;
            }
            catch (StoreVerificationException)
            {
                // Only the first of a batch fails so. What the server says of it now is not to be believed, so the name has to be looked up again.
                AnnounceRemoval(batch[0].Path.BaseName);
                start++;
            }
            catch (IOException)
            {
                // Away again. The same batch is due as soon as the server answers.
                await Task.Delay(RetryDelay, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private (StorePath Path, ManifestDigest Digest, bool IsRemoved)[] KnownPaths() =>
    [
        .. _nodes.Attached().Select(static handle => (handle.Path, handle.Digest, handle.IsRemoved)),
        .. _nodes.Inherited().Select(static key => (StorePath.ParseBaseName(key.BaseName), key.Digest, false)),
    ];
}
