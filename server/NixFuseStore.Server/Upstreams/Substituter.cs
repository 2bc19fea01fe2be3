using NixFuseStore.Nix;
using NixFuseStore.Protocol;
using NixFuseStore.Storage.Metadata;
using Outcome = NixFuseStore.Protocol.SubstituteResult.Types.Outcome;

namespace NixFuseStore.Server.Upstreams;

/// <summary>Brings paths with all that they refer to from upstream caches. Whatever goes wrong there is a result and no failure. Calls may overlap.</summary>
internal sealed class Substituter(IPathCatalog metadata, UpstreamDirectory upstreams, PathImporter importer)
    : IMissingPaths
{
    /// <summary>What upstream caches say of these paths, valid here or not.</summary>
    public Task<IReadOnlyCollection<UpstreamPath>> QueryAsync(StoreRecord store, IEnumerable<string> hashParts, CancellationToken cancellation) =>
        ClosureWalk.FindAsync(upstreams, store, hashParts.Distinct(StringComparer.Ordinal), new(StringComparer.Ordinal), cancellation);

    /// <summary>Whether there is a cache to ask.</summary>
    public ValueTask<bool> AnyAsync(StoreRecord store, CancellationToken cancellation) => upstreams.AnyAsync(store, cancellation);

    /// <inheritdoc/>
    public async Task<string?> BringAsync(StoreRecord store, string hashPart, CancellationToken cancellation)
    {
        if (!await AnyAsync(store, cancellation).ConfigureAwait(false))
        {
            return "";
        }

        var result = (await SubstituteAsync(store, [hashPart], cancellation).ConfigureAwait(false))[0];
        return result.Outcome is Outcome.Substituted or Outcome.AlreadyValid ? null : result.Message;
    }

    /// <summary>Makes paths valid; one result a path, in order.</summary>
    public async Task<IReadOnlyList<SubstituteResult>> SubstituteAsync(
        StoreRecord store, IReadOnlyList<string> hashParts, CancellationToken cancellation)
    {
        // 1. What there is to fetch.
        var walk = new ClosureWalk(metadata, upstreams, store);
        await walk.RunAsync(hashParts, cancellation).ConfigureAwait(false);

        // 2. Fetch it, references first.
        var imports = new Dictionary<string, Task<string?>>(StringComparer.Ordinal);
        foreach (var info in InOrder(walk.Wanted))
        {
            imports[info.Path.HashPart] = ImportAsync(store, walk, info, imports, cancellation);
        }

        await Task.WhenAll(imports.Values).ConfigureAwait(false);

        // 3. What became of those that were asked for.
        var results = new List<SubstituteResult>();
        foreach (var part in hashParts)
        {
            results.Add(await ResultAsync(walk, part, imports).ConfigureAwait(false));
        }

        return results;
    }

    private async Task<string?> ImportAsync(
        StoreRecord store, ClosureWalk walk, PathInfo info, Dictionary<string, Task<string?>> imports, CancellationToken cancellation)
    {
        // Looked up before the first await, as others are added meanwhile.
        var references = info.References.Where(reference => reference != info.Path && !walk.Valid.ContainsKey(reference.HashPart))
            .Select(reference => (reference, Import: imports.GetValueOrDefault(reference.HashPart))).ToArray();
        foreach (var (reference, import) in references)
        {
            var failure = import is null ? walk.Failures.GetValueOrDefault(reference.HashPart, "no upstream cache has it") : await import.ConfigureAwait(false);
            if (failure is not null)
            {
                return $"it refers to {reference}: {failure}";
            }
        }

        return await importer.ImportAsync(store, info.Path.HashPart, cancellation).ConfigureAwait(false);
    }

    private static async Task<SubstituteResult> ResultAsync(ClosureWalk walk, string hashPart, Dictionary<string, Task<string?>> imports)
    {
        if (walk.Valid.TryGetValue(hashPart, out var valid))
        {
            return new SubstituteResult { HashPart = hashPart, Outcome = Outcome.AlreadyValid, BaseName = valid.BaseName };
        }

        if (!walk.Wanted.TryGetValue(hashPart, out var info))
        {
            return new SubstituteResult { HashPart = hashPart, Outcome = Outcome.NotFound, Message = walk.Failures.GetValueOrDefault(hashPart, "no upstream cache has it") };
        }

        var failure = imports.TryGetValue(hashPart, out var import) ? await import.ConfigureAwait(false) : "it refers to itself by way of others";
        return new SubstituteResult
        {
            HashPart = hashPart,
            Outcome = failure is null ? Outcome.Substituted : Outcome.Failed,
            Message = failure ?? "",
            BaseName = info.Path.BaseName,
        };
    }

    /// <summary>Paths before those that refer to them; those that refer to each other in a ring, which no build makes, are left out.</summary>
    private static IEnumerable<PathInfo> InOrder(IReadOnlyDictionary<string, PathInfo> wanted)
    {
        var waiting = wanted.Values.ToDictionary(info => info.Path, info => info.References.Count(reference => IsWaitedFor(info, reference)));
        var referrers = wanted.Values.SelectMany(info => info.References.Where(reference => IsWaitedFor(info, reference)).Select(reference => (reference, info)))
            .ToLookup(pair => pair.reference, pair => pair.info);
        var ready = new Queue<PathInfo>(wanted.Values.Where(info => waiting[info.Path] == 0));
        while (ready.TryDequeue(out var info))
        {
            yield return info;
            foreach (var referrer in referrers[info.Path])
            {
                if (--waiting[referrer.Path] == 0)
                {
                    ready.Enqueue(referrer);
                }
            }
        }

        bool IsWaitedFor(PathInfo info, StorePath reference) =>
            reference != info.Path && wanted.TryGetValue(reference.HashPart, out var other) && other.Path == reference;
    }
}

/// <summary>Brings paths that are not valid here from elsewhere. Calls may overlap.</summary>
internal interface IMissingPaths
{
    /// <summary>Makes a path valid, with all that it refers to, if it can be had.</summary>
    /// <returns>Null where it is valid now; else why it is not, or an empty text where there is no cache to ask.</returns>
    Task<string?> BringAsync(StoreRecord store, string hashPart, CancellationToken cancellation);
}
