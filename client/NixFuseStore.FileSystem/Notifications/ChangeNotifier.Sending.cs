using System.Text;
using NixFuseStore.Client.Changes;
using NixFuseStore.FileSystem.Nodes;
using NixFuseStore.Native.Linux;
using NixFuseStore.Nix;

namespace NixFuseStore.FileSystem.Notifications;

/// <content>The thread that tells the kernel.</content>
internal sealed partial class ChangeNotifier
{
    private void Run()
    {
        var batch = new List<StoreChange>();
        var waiting = new List<TaskCompletionSource>();
        while (true)
        {
            lock (_gate)
            {
                while (_queue.Count == 0 && !_listingChanged && !_stopped)
                {
                    Monitor.Wait(_gate);
                }

                if (_waiting.Count == 0 && !_stopped)
                {
                    Monitor.Wait(_gate, Linger);
                }

                if (_stopped)
                {
                    return;
                }

                (batch, _queue) = (_queue, batch);
                (waiting, _waiting) = (_waiting, waiting);
                _listingChanged = false;
            }

            var heard = AnnounceSafely(batch);
            waiting.ForEach(static one => one.SetResult());
            if (!heard)
            {
                // The mount is gone, and the session ends by itself.
                return;
            }

            batch.Clear();
            waiting.Clear();
        }
    }

    /// <summary>As <see cref="Announce"/>; what is thrown on this thread would end the process.</summary>
    private bool AnnounceSafely(List<StoreChange> batch)
    {
        try
        {
            return Announce(batch);
        }
        catch (Exception exception)
        {
            _log?.Invoke($"cannot tell the kernel of changes: {exception.Message}");
            return true;
        }
    }

    /// <summary>Announces a batch; false when the mount is gone.</summary>
    private bool Announce(List<StoreChange> batch)
    {
        // 1. The listing, once for all. First ours, so that the kernel cannot fetch the old one again; and before any name,
        //    since names wait for the directory's lock. A repeated announcement (no change in the batch) leaves ours as it is.
        if (batch.Count > 0)
        {
            _listing.Invalidate();
        }

        if (!IsHeard(_kernel.InvalidateInode(FixedNodes.Store)))
        {
            return false;
        }

        foreach (var change in batch)
        {
            var heard = change.Kind switch
            {
                // 2. A new name matters where the kernel believes it absent.
                StoreChangeKind.Added => !_negatives.Remove(change.BaseName) || AnnounceName(change.BaseName),

                // 3. A removed one wherever the kernel may know it, and there is no list of those.
                StoreChangeKind.Removed => AnnounceName(change.BaseName),

                // 4. After a gap: all absent names, and whichever present ones turn out to be gone.
                _ => AnnounceGap(),
            };
            if (!heard)
            {
                return false;
            }
        }

        return true;
    }

    private bool AnnounceGap()
    {
        // Paths that the kernel knows from a listing alone have no handle to be rechecked by: it looks them up again.
        foreach (var name in _negatives.RemoveAll().Concat(_nodes.Listed()))
        {
            if (!AnnounceName(name))
            {
                return false;
            }
        }

        var before = _rechecking;
        _rechecking = Task.Run(() => RecheckAsync(before, _stop));
        return true;
    }

    private bool AnnounceName(string baseName)
    {
        Span<byte> name = stackalloc byte[StorePath.BaseNameLengthMax];
        return IsHeard(_kernel.InvalidateEntry(FixedNodes.Store, name[..Encoding.ASCII.GetBytes(baseName, name)]));
    }

    /// <summary>ENOENT only says that the kernel kept nothing.</summary>
    private static bool IsHeard(Errno answer) => answer is not (Errno.ENODEV or Errno.ENOTCONN);
}
