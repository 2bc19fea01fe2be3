using System.Text;
using NixFuseStore.Client.Server;
using NixFuseStore.FileSystem.Listing;
using NixFuseStore.FileSystem.Nodes;
using NixFuseStore.Fuse.Replies;
using NixFuseStore.Fuse.Requests;
using NixFuseStore.Native.Linux;
using NixFuseStore.Nix;

namespace NixFuseStore.FileSystem;

/// <content>READDIR and READDIRPLUS of the store directory, whose names come and go.</content>
public sealed partial class StoreFileSystem
{
    /// <summary>Bytes that an entry of a plus listing takes, with a name of usual length.</summary>
    private const int PlusEntryBytes = 200;

    /// <summary>Records fetched at once for a plus listing.</summary>
    private const int RecordsMax = 256;

    /// <summary>How long a plus listing waits for records; it can do without.</summary>
    private static readonly TimeSpan RecordsDeadline = TimeSpan.FromSeconds(1);

    private void ReadStoreDirectory(in ReadDirectoryRequest request, FuseReply reply)
    {
        var (version, moment) = (_listing.Version, _listing.Listed.Moment);
        if (_listing.Position(request.Cookie) is not { } position)
        {
            reply.Error(Errno.EINVAL);
        }
        else if (_listing.FindWindow(position) is { } window && TryListWindow(window, position, request, allowPlain: !request.WithAttributes) is { } listed)
        {
            if (!reply.Directory(listed.Page))
            {
                ReleaseAll(listed.Slots);
            }

            RecheckListing(version);
            RecheckListed(moment);
        }
        else
        {
            Defer(reply, "listing of", _options.LookupDeadline, request, static (self, pending, request) => self.ReadStoreDirectoryAsync(pending, request));
        }
    }

    private async Task ReadStoreDirectoryAsync(FusePendingRequest pending, ReadDirectoryRequest request)
    {
        // 1. The names.
        var (version, moment) = (_listing.Version, _listing.Listed.Moment);
        var position = _listing.Position(request.Cookie)!;
        var window = await _listing.GetWindowAsync(position, pending.Token).ConfigureAwait(false);

        // 2. The records of those that fit into the answer, where the kernel wants attributes and the listing was not signed.
        if (request.WithAttributes)
        {
            await FetchRecordsAsync(window, window.IndexBehind(position), (int)(request.Bytes / PlusEntryBytes) + 1, pending.Token).ConfigureAwait(false);
        }

        // 3. What has no record yet is listed without attributes.
        var listed = TryListWindow(window, position, request, allowPlain: true)!.Value;
        if (!pending.Directory(listed.Page))
        {
            ReleaseAll(listed.Slots);
        }

        RecheckListing(version);
        RecheckListed(moment);
    }

    /// <summary>
    /// A change that was announced while a listing was on its way found nothing to drop, and the kernel then kept the old listing;
    /// so announce it again.
    /// </summary>
    private void RecheckListing(int version)
    {
        if (_listing.Version != version)
        {
            _notifier?.AnnounceListing();
        }
    }

    private async Task FetchRecordsAsync(ListingWindow window, int first, int count, CancellationToken cancellationToken)
    {
        var unknown = new List<StorePath>();
        Span<byte> name = stackalloc byte[StorePath.BaseNameLengthMax];
        for (var i = first; i < window.Entries.Length && i < first + Math.Min(count, RecordsMax); i++)
        {
            var length = Encoding.ASCII.GetBytes(window.Entries[i].BaseName, name);
            if (window.Entries[i].Content is null && !_reader.TryGetKnown(name[..length], out _) && StorePath.TryParseBaseName(name[..length], out var path))
            {
                unknown.Add(path);
            }
        }

        if (unknown.Count == 0)
        {
            return;
        }

        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(RecordsDeadline);
        try
        {
            await _reader.FindManyAsync(unknown, deadline.Token).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is StoreClientException || (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            // A listing needs names only; a caller that wants attributes asks for each, and is told what is wrong then.
        }
    }

    // The kernel did not take a page: it counts no lookups of the paths in it.
    private void ReleaseAll(List<uint>? slots) => slots?.ForEach(slot => _nodes.Release(slot, 1));

    /// <summary>
    /// Fills a page from a window; null where a record is missing and <paramref name="allowPlain"/> is false. Also the slots in it whose nodes the
    /// kernel will know, each counted once.
    /// </summary>
    private (DirectoryPage Page, List<uint>? Slots)? TryListWindow(
        ListingWindow window, string position, in ReadDirectoryRequest request, bool allowPlain)
    {
        List<uint>? slots = null;
        var page = DirectoryPage.Rent(request);
        if (!TryAddDots(page, request.Cookie, FixedNodes.Store, FixedNodes.Root))
        {
            return (page, slots);
        }

        Span<byte> buffer = stackalloc byte[StorePath.BaseNameLengthMax];
        for (var i = window.IndexBehind(position); i < window.Entries.Length; i++)
        {
            var entry = window.Entries[i];
            var cookie = _listing.CookieBehind(window, i);
            if (cookie == 0)
            {
                // A store may have tens of thousands of names with one prefix: what cannot be gone on from is not shown.
                continue;
            }

            var name = buffer[..Encoding.ASCII.GetBytes(entry.BaseName, buffer)];
            bool added;
            var isKnown = _reader.TryGetKnown(name, out var handle) && !handle.IsRemoved;
            if (request.WithAttributes && isKnown)
            {
                added = page.TryAdd(name, EntryOfPath(handle!), cookie);
                if (added)
                {
                    _nodes.AddLookups(handle!, 1);
                    (slots ??= []).Add(handle!.Slot);
                }
            }
            else if (request.WithAttributes && entry.Content is { } content && TryEnterListed(entry.BaseName, entry.Kind, content, out var listed))
            {
                var slot = new NodeId(listed.Node).Slot;
                added = page.TryAdd(name, listed, cookie);
                if (added)
                {
                    (slots ??= []).Add(slot);
                }
                else
                {
                    _nodes.Release(slot, 1);
                }
            }
            else if (allowPlain)
            {
                // Where the path has no slot yet, the inode number shown here is none that stat shows: that one needs the record.
                var inode = isKnown && handle!.Slot != 0 ? NodeAttributes.InodeOf(handle, 0) : NodeAttributes.MadeUpInode(name);
                added = page.TryAdd(name, inode, NodeAttributes.ModeOf(entry.Kind, isExecutable: false), cookie);
            }
            else
            {
                page.Dispose();
                ReleaseAll(slots);
                return null;
            }

            if (!added)
            {
                break;
            }
        }

        return (page, slots);
    }
}
