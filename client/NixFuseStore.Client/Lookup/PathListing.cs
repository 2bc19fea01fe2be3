using Google.Protobuf;
using NixFuseStore.Client.Metadata;
using NixFuseStore.Client.Paths;
using NixFuseStore.Client.Pending;
using NixFuseStore.Client.Server;
using NixFuseStore.Content;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Lookup;

/// <summary>Lists the valid paths, page by page: the server's, with those that were added here; while it is away, those that are known here. Any thread.</summary>
/// <param name="connection">The server.</param>
/// <param name="health">The server's presence.</param>
/// <param name="identity">Says which pages are signed.</param>
/// <param name="pending">Paths that were added here.</param>
/// <param name="metadata">Records on disk.</param>
/// <param name="deadline">How long a server that is away is waited for.</param>
internal sealed class PathListing(
    ServerConnection connection, ServerHealth health, StoreIdentity identity, PendingPaths pending, MetadataCache metadata, TimeSpan deadline)
{
    private static readonly TimeSpan CallDeadline = TimeSpan.FromSeconds(5);

    private int _listedOffline;

    /// <summary>
    /// Whether a listing was made while the server was away: it holds only what was known here, so a caller that kept it must list again. Asking takes the
    /// answer away.
    /// </summary>
    public bool TakeListedOffline() => Interlocked.Exchange(ref _listedOffline, 0) != 0;

    /// <summary>See <see cref="Contracts.IStoreReader.ListAsync"/>.</summary>
    public async ValueTask<ListingPage> ListAsync(string after, int limit, CancellationToken cancellationToken)
    {
        try
        {
            await health.WaitUpAsync(deadline, cancellationToken).ConfigureAwait(false);
            return WithPending(await ListFromServerAsync(after, limit, cancellationToken).ConfigureAwait(false), after);
        }
        catch (StoreUnavailableException)
        {
            Volatile.Write(ref _listedOffline, 1);
            return WithPending(ListFromCache(after, limit), after);
        }
    }

    /// <summary>One page of what the server has, which is not waited for.</summary>
    /// <exception cref="StoreUnavailableException">The server is away.</exception>
    /// <exception cref="StoreVerificationException">It lists out of order.</exception>
    public async ValueTask<ListingPage> ListFromServerAsync(string after, int limit, CancellationToken cancellationToken)
    {
        var request = new ListPathsRequest { Store = connection.StoreName, After = after, Limit = (uint)limit };
        return await connection.CallAsync(
            async (endpoint, token) =>
            {
                var entries = new List<ListingEntry>();
                await foreach (var response in endpoint.Store.ListPathsAsync(request, CallDeadline, token).ConfigureAwait(false))
                {
                    var isSigned = identity.IsSigned(response);
                    foreach (var entry in response.Entries)
                    {
                        // Names go to the kernel as they are, so what is no store path is left out. Callers go on behind the last name: one out of
                        // order could make them go on for ever.
                        if (StorePath.TryParseBaseName(entry.BaseName, out _) && entries.Count < limit)
                        {
                            if (string.CompareOrdinal(entry.BaseName, entries.Count > 0 ? entries[^1].BaseName : after) <= 0)
                            {
                                throw new StoreVerificationException($"server {endpoint.Address.GetLeftPart(UriPartial.Authority)} lists paths out of order");
                            }

                            entries.Add(new ListingEntry(entry.BaseName, KindOf(entry.RootKind))
                            {
                                Content = isSigned
                                    ? new ListedContent(ManifestDigest.Read(entry.ManifestDigest.Span), (int)entry.EntryCount, entry.RootExecutable, entry.RootSize)
                                    : null,
                            });
                        }
                    }
                }

                return new ListingPage(entries, entries.Count < limit);
            },
            cancellationToken).ConfigureAwait(false);
    }

    // What the server does not know yet; a page gets longer by it.
    private ListingPage WithPending(ListingPage page, string after)
    {
        var last = page.IsLast || page.Entries.Count == 0 ? "" : page.Entries[^1].BaseName;
        var added = pending.Between(after, last);
        return added.Count == 0
            ? page
            : page with
            {
                Entries = [.. page.Entries.Concat(added.Select(static handle => new ListingEntry(handle.Path.BaseName, handle.Header.RootKind)))
                    .DistinctBy(static entry => entry.BaseName)
                    .OrderBy(static entry => entry.BaseName, StringComparer.Ordinal)],
            };
    }

    private ListingPage ListFromCache(string after, int limit)
    {
        var entries = new List<ListingEntry>();
        foreach (var name in metadata.Names(MetadataKind.Path))
        {
            if (metadata.TryRead(new MetadataKey(MetadataKind.Path, name)) is { } bytes && TryReadEntry(bytes, out var entry)
                && string.CompareOrdinal(entry.BaseName, after) > 0)
            {
                entries.Add(entry);
            }
        }

        entries.Sort(static (a, b) => string.CompareOrdinal(a.BaseName, b.BaseName));
        var last = entries.Count <= limit;
        return new ListingPage(last ? entries : entries.GetRange(0, limit), last);
    }

    private static bool TryReadEntry(byte[] bytes, out ListingEntry entry)
    {
        entry = default;
        try
        {
            var record = PathRecord.Parser.ParseFrom(bytes);
            if (!StorePath.TryParseBaseName(record.BaseName, out _) || !ManifestHeader.TryParse(record.ManifestHeader.Span, out var header))
            {
                return false;
            }

            entry = new ListingEntry(record.BaseName, header.RootKind);
            return true;
        }
        catch (InvalidProtocolBufferException)
        {
            // Damaged: left out, as a lookup of it would find nothing either.
            return false;
        }
    }

    private static EntryKind KindOf(uint kind) => kind is >= (uint)EntryKind.Regular and <= (uint)EntryKind.Symlink ? (EntryKind)kind : EntryKind.None;
}
