using Google.Protobuf;
using NixFuseStore.Client.Metadata;
using NixFuseStore.Client.Server;
using NixFuseStore.Client.Trees;
using NixFuseStore.Content;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Paths;

/// <summary>
/// Asks the server about paths. A question about one path brings its whole closure: the record that was asked for first, then the others, with
/// their manifest sections where hardly any are cached yet; else the asked-for path alone has them with it, and those of the others that lack are
/// asked for afterwards. So the first lookup inside the path finds its tree here after one round trip, and those of its closure after two. Any thread.
/// </summary>
internal sealed class ClosureFetcher(
    ServerConnection connection, ServerHealth health, PathTable table, MetadataCache metadata, SectionFetcher sections, AccessProfiles used)
{
    /// <summary>Sections of at most this many plain bytes come along; larger ones when they are wanted.</summary>
    public const int InlineSectionBytes = 256 << 10;

    /// <summary>With fewer sections cached, all are sent along: most would lack anyway, and a round trip is saved.</summary>
    private const int FewSections = 16;

    /// <summary>Sections of at most this many plain bytes come along with paths that are fetched many at a time.</summary>
    private const uint SmallSectionBytes = 8 << 10;

    /// <summary>Names in one question for records.</summary>
    public const int RecordsPerRequestMax = 500;

    /// <summary>After so many lookups in a row that were not followed by a look inside, a listing is going on: only records are asked for.</summary>
    private const int LookupsWithoutTreeMax = 4;

    private static readonly TimeSpan WholeDeadline = TimeSpan.FromSeconds(60);

    private readonly Lock _gate = new();
    private readonly Dictionary<Key256, ClosureLookup> _lookups = [];
    private int _lookupsWithoutTree;
    private long _requestCount;

    /// <summary>Requests sent since the start.</summary>
    public long RequestCount => Volatile.Read(ref _requestCount);

    /// <summary>A program looks inside a path: the next lookups bring closures again.</summary>
    public void OnTreeWanted() => Volatile.Write(ref _lookupsWithoutTree, 0);

    /// <summary>Asks about a path, or joins who already does.</summary>
    public ClosureLookup Lookup(in Key256 key, string hashPart)
    {
        lock (_gate)
        {
            // One that has its answer already, and yet is asked again, had none that lasts: a path that was not valid, or a record that is refused.
            if (_lookups.TryGetValue(key, out var lookup) && !lookup.Found.IsCompleted)
            {
                return lookup;
            }

            lookup = new ClosureLookup();
            _lookups[key] = lookup;
            var recordOnly = ++_lookupsWithoutTree > LookupsWithoutTreeMax;
            lookup.Whole = AskAsync(hashPart, lookup, recordOnly);
            return lookup;
        }
    }

    /// <summary>
    /// Brings the records of some paths, with their small sections and without what they refer to, in one request; a lookup of one of them
    /// meanwhile waits for this answer. Ends when all is here.
    /// </summary>
    /// <param name="hashParts">The paths, at most <see cref="RecordsPerRequestMax"/>; those that are on their way already are left out.</param>
    public Task FetchPathsAsync(IReadOnlyList<string> hashParts)
    {
        var asked = new Dictionary<string, ClosureLookup>(StringComparer.Ordinal);
        lock (_gate)
        {
            foreach (var hashPart in hashParts)
            {
                var key = Key256.OfHashPart(hashPart);
                if (!_lookups.TryGetValue(key, out var other) || other.Found.IsCompleted)
                {
                    _lookups[key] = asked[hashPart] = new ClosureLookup();
                }
            }

            if (asked.Count == 0)
            {
                return Task.CompletedTask;
            }

            var request = new GetClosureRequest
            {
                Store = connection.StoreName,
                InlineAskedSectionBytes = SmallSectionBytes,
                NoReferences = true,
            };
            var whole = RunAsync(asked, request, withLacking: false);
            foreach (var lookup in asked.Values)
            {
                lookup.Whole = whole;
            }

            return whole;
        }
    }

    /// <summary>Brings the closure of a known path, with the sections that lack. Ends when all is here.</summary>
    public Task FetchClosureAsync(PathHandle handle)
    {
        OnTreeWanted();
        var hashPart = handle.Path.HashPart;
        return Lookup(Key256.OfHashPart(hashPart), hashPart).Whole;
    }

    /// <summary>Ends when whatever is coming in about a path is here; at once where nothing is. Does not fail.</summary>
    public Task Arrival(in Key256 key)
    {
        lock (_gate)
        {
            return _lookups.TryGetValue(key, out var lookup) ? lookup.Whole : Task.CompletedTask;
        }
    }

    /// <summary>Records of many paths; those that are not valid are left out. Learns them, too.</summary>
    public async Task<List<PathRecord>> QueryAsync(IReadOnlyList<string> hashParts, TimeSpan deadline, CancellationToken cancellationToken)
    {
        var records = new List<PathRecord>(hashParts.Count);
        for (var start = 0; start < hashParts.Count; start += RecordsPerRequestMax)
        {
            var request = new QueryPathsRequest { Store = connection.StoreName };
            for (var i = start; i < Math.Min(start + RecordsPerRequestMax, hashParts.Count); i++)
            {
                request.HashParts.Add(hashParts[i]);
            }

            Interlocked.Increment(ref _requestCount);
            var response = await connection.CallAsync(
                (endpoint, token) => endpoint.Store.QueryPathsAsync(request, deadline, token), cancellationToken).ConfigureAwait(false);
            foreach (var record in response.Paths)
            {
                Learn(record);
                records.Add(record);
            }
        }

        return records;
    }

    /// <summary>All records of the closure of some paths. Learns them, too.</summary>
    /// <param name="hashParts">The roots, at most <see cref="RecordsPerRequestMax"/>.</param>
    /// <param name="onRecord">Told of each.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Whether the server cut the closure.</returns>
    public async Task<bool> QueryClosureAsync(IReadOnlyList<string> hashParts, Action<PathRecord> onRecord, CancellationToken cancellationToken)
    {
        var request = new GetClosureRequest { Store = connection.StoreName };
        request.HashParts.AddRange(hashParts);
        Interlocked.Increment(ref _requestCount);
        return await connection.CallAsync(
            async (endpoint, token) =>
            {
                var truncated = false;
                await foreach (var response in endpoint.Store.GetClosureAsync(request, WholeDeadline, token).ConfigureAwait(false))
                {
                    foreach (var item in response.Items.Where(static item => item.Path is not null))
                    {
                        Learn(item.Path);
                        onRecord(item.Path);
                    }

                    truncated |= response.Truncated;
                }

                return truncated;
            },
            cancellationToken).ConfigureAwait(false);
    }

    private Task AskAsync(string hashPart, ClosureLookup lookup, bool recordOnly)
    {
        var inline = metadata.CountOf(MetadataKind.Section) < FewSections && !recordOnly;
        var request = new GetClosureRequest
        {
            Store = connection.StoreName,
            InlineSectionBytes = inline ? InlineSectionBytes : 0u,
            InlineAskedSectionBytes = recordOnly ? 0u : InlineSectionBytes,
            NoReferences = recordOnly,
            WithUsedChunks = !recordOnly,
        };
        return RunAsync(new Dictionary<string, ClosureLookup>(StringComparer.Ordinal) { [hashPart] = lookup }, request, withLacking: !recordOnly);
    }

    private async Task RunAsync(Dictionary<string, ClosureLookup> asked, GetClosureRequest request, bool withLacking)
    {
        // Off the caller's thread, which holds the lock and may be the one that answers the kernel.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        request.HashParts.AddRange(asked.Keys);
        var learnt = new List<PathRecord>();
        try
        {
            await connection.CallAsync(
                async (endpoint, token) =>
                {
                    await StreamAsync(endpoint, request, asked, learnt, token).ConfigureAwait(false);
                    return true;
                },
                CancellationToken.None).ConfigureAwait(false);
            foreach (var (hashPart, lookup) in asked.Where(static pair => !pair.Value.Found.IsCompleted))
            {
                lookup.Fail(new StoreClientException($"the server did not say whether {hashPart} is valid"));
            }

            if (withLacking)
            {
                await FetchLackingSectionsAsync(learnt).ConfigureAwait(false);
            }
        }
        catch (Exception e)
        {
            // Callers that wait are told; what came before the failure is kept.
            if (e is StoreUnavailableException)
            {
                health.Suspect();
            }

            foreach (var lookup in asked.Values)
            {
                lookup.Fail(e);
            }
        }
        finally
        {
            lock (_gate)
            {
                foreach (var (hashPart, lookup) in asked)
                {
                    var key = Key256.OfHashPart(hashPart);
                    if (_lookups.TryGetValue(key, out var now) && now == lookup)
                    {
                        _lookups.Remove(key);
                    }
                }
            }
        }
    }

    private async Task StreamAsync(
        ServerEndpoint endpoint, GetClosureRequest request, Dictionary<string, ClosureLookup> asked, List<PathRecord> learnt, CancellationToken token)
    {
        Interlocked.Increment(ref _requestCount);
        await foreach (var response in endpoint.Store.GetClosureAsync(request, WholeDeadline, token).ConfigureAwait(false))
        {
            foreach (var item in response.Items.Where(static item => item.Path is not null))
            {
                foreach (var section in item.Sections)
                {
                    sections.Keep(section);
                }

                Learn(item.Path);
                LearnUse(item);
                learnt.Add(item.Path);
                if (item.Path.BaseName.Length > StorePath.HashPartLength && asked.TryGetValue(item.Path.BaseName[..StorePath.HashPartLength], out var found))
                {
                    found.SetFound(item.Path);
                }
            }

            foreach (var hashPart in response.NotValid)
            {
                if (asked.TryGetValue(hashPart, out var absent))
                {
                    absent.SetFound(null);
                }
            }
        }
    }

    // What a server says is only kept here; it is verified when it is first used.
    internal void Learn(PathRecord record)
    {
        if (record.BaseName.Length <= StorePath.HashPartLength)
        {
            return;
        }

        var key = Key256.OfHashPart(record.BaseName);
        table.Learn(in key, record);
        var name = new MetadataKey(MetadataKind.Path, key);
        var bytes = record.ToByteArray();
        if (!bytes.AsSpan().SequenceEqual(metadata.TryRead(in name)))
        {
            metadata.Put(in name, bytes);
        }
    }

    private void LearnUse(ClosureItem item)
    {
        if (item.Path.BaseName.Length > StorePath.HashPartLength)
        {
            used.Learn(Key256.OfHashPart(item.Path.BaseName), item.UsedChunks);
        }
    }

    private async Task FetchLackingSectionsAsync(List<PathRecord> records)
    {
        var wanted = new List<(ManifestHeader Header, ManifestSection Section)>();
        foreach (var record in records)
        {
            if (!ManifestHeader.TryParse(record.ManifestHeader.Span, out var header))
            {
                continue;
            }

            for (var section = ManifestSection.Tree; section <= ManifestSection.Blanks; section++)
            {
                if (header.GetLength(section) is > 0 and <= InlineSectionBytes && !sections.Has(header.GetDigest(section)))
                {
                    wanted.Add((header, section));
                }
            }
        }

        if (wanted.Count > 0)
        {
            await sections.FetchAsync(wanted, WholeDeadline, CancellationToken.None).ConfigureAwait(false);
        }
    }
}
