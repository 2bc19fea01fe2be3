using NixFuseStore.Client.Metadata;
using NixFuseStore.Client.Paths;
using NixFuseStore.Client.Server;
using NixFuseStore.Client.Trees;
using NixFuseStore.Content;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client;

/// <content>Listings, and whole closures.</content>
public sealed partial class StoreReader
{
    private static readonly TimeSpan ListDeadline = TimeSpan.FromSeconds(5);

    /// <inheritdoc/>
    public async ValueTask<ListingPage> ListAsync(string after, int limit, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(after);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limit);
        try
        {
            await _health.WaitUpAsync(_options.LookupDeadline, cancellationToken).ConfigureAwait(false);
            return WithPending(await ListFromServerAsync(after, limit, cancellationToken).ConfigureAwait(false), after);
        }
        catch (StoreUnavailableException)
        {
            Volatile.Write(ref _answeredAlone, 1);
            return WithPending(ListFromCache(after, limit), after);
        }
    }

    /// <summary>
    /// The records of the closure of some paths, the paths themselves first. One or two round trips, unless the closure is huge.
    /// </summary>
    /// <exception cref="StoreClientException">One of the paths is not valid; the message names it.</exception>
    public async Task<IReadOnlyList<PathHandle>> FindClosureAsync(IReadOnlyList<StorePath> paths, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(paths);
        var handles = new Dictionary<string, PathHandle>(StringComparer.Ordinal);
        var order = new List<PathHandle>();
        var wanted = paths.ToList();
        await _health.WaitUpAsync(_options.TreeDeadline, cancellationToken).ConfigureAwait(false);
        while (wanted.Count > 0)
        {
            var asked = wanted.Take(ClosureFetcher.RecordsPerRequestMax).Select(static p => p.HashPart).ToList();
            await _closures.QueryClosureAsync(asked, Add, cancellationToken).ConfigureAwait(false);
            if (wanted.Take(asked.Count).FirstOrDefault(p => !handles.ContainsKey(p.BaseName)) is { IsDefault: false } absent)
            {
                throw new StoreClientException($"path {Directory.Print(absent)} is not valid in store '{_connection.StoreName}'");
            }

            // Where the server cut a closure, the references that did not come are asked for next.
            wanted = [.. wanted.Skip(asked.Count).Concat(order.SelectMany(static h => h.Info.References)).Distinct().Where(p => !handles.ContainsKey(p.BaseName))];
        }

        return order;

        void Add(PathRecord record)
        {
            if (record.BaseName.Length > StorePath.HashPartLength && !handles.ContainsKey(record.BaseName))
            {
                var handle = Adopt(Key256.OfHashPart(record.BaseName), record);
                handles.Add(record.BaseName, handle);
                order.Add(handle);
            }
        }
    }

    // What the server does not know yet; a page gets longer by it.
    private ListingPage WithPending(ListingPage page, string after)
    {
        var last = page.IsLast || page.Entries.Count == 0 ? "" : page.Entries[^1].BaseName;
        var pending = _pending.Between(after, last);
        return pending.Count == 0
            ? page
            : page with
            {
                Entries = [.. page.Entries.Concat(pending.Select(static handle => new ListingEntry(handle.Path.BaseName, handle.Header.RootKind)))
                    .DistinctBy(static entry => entry.BaseName)
                    .OrderBy(static entry => entry.BaseName, StringComparer.Ordinal)],
            };
    }

    private async Task<ListingPage> ListFromServerAsync(string after, int limit, CancellationToken cancellationToken)
    {
        var request = new ListPathsRequest { Store = _connection.StoreName, After = after, Limit = (uint)limit };
        return await _connection.CallAsync(
            async (endpoint, token) =>
            {
                var entries = new List<ListingEntry>();
                await foreach (var response in endpoint.Store.ListPathsAsync(request, ListDeadline, token).ConfigureAwait(false))
                {
                    var isSigned = _verifier is { } verifier && verifier.IsSigned(response);
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

    private ListingPage ListFromCache(string after, int limit)
    {
        var entries = new List<ListingEntry>();
        foreach (var name in _metadata.Names(MetadataKind.Path))
        {
            if (_metadata.TryRead(new MetadataKey(MetadataKind.Path, name)) is { } bytes && TryReadEntry(bytes, out var entry)
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
        catch (Google.Protobuf.InvalidProtocolBufferException)
        {
            // Damaged: left out, as a lookup of it would find nothing either.
            return false;
        }
    }

    private static EntryKind KindOf(uint kind) => kind is >= (uint)EntryKind.Regular and <= (uint)EntryKind.Symlink ? (EntryKind)kind : EntryKind.None;
}
