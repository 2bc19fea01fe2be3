using System.Threading.RateLimiting;
using BitFaster.Caching.Lru;
using NixFuseStore.Nix;
using NixFuseStore.Nix.Derivations;
using NixFuseStore.Server.Base;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Derivations;

/// <summary>
/// The hashes by which registered derivations count as inputs. A derivation's path follows from its contents, so what was found out once
/// holds for ever and for every store with the same store directory; it is remembered within a bound. Calls may overlap.
/// </summary>
internal sealed class DerivationHashes(IMetadataStore metadata, StoredDerivations stored, ServerLimits limits)
{
    /// <summary>Beyond that, those longest unused are forgotten: nothing is lost but time. Some 350 bytes each.</summary>
    private const int EntriesMax = 100_000;

    /// <summary>Derivations whose contents are held at the same time.</summary>
    private const int DerivationsPerRead = 256;

    private readonly FastConcurrentLru<(string Directory, StorePath Path), NixHash> _known = new(EntriesMax);

    /// <summary>One call reads at a time: the next one mostly wants the same.</summary>
    private readonly ConcurrencyLimiter _reading = Limiters.Waiting(1);

    /// <summary>Notes the hash of a derivation that was checked.</summary>
    public void Add(StoreDirectory directory, StorePath path, NixHash hash) => _known.AddOrUpdate((directory.Path, path), hash);

    /// <summary>The hashes of those derivations that are valid, or were once; null for those that cannot be read as derivations.</summary>
    public async Task<Dictionary<StorePath, NixHash?>> FindAsync(
        StoreRecord store, StoreDirectory directory, IReadOnlyCollection<StorePath> paths, CancellationToken cancellation)
    {
        var found = new Dictionary<StorePath, NixHash?>(paths.Count);
        if (!TakeKnown(directory, paths, found))
        {
            using var turn = await _reading.AcquireAsync(cancellationToken: cancellation).ConfigureAwait(false);
            if (!TakeKnown(directory, paths, found))
            {
                await ReadAsync(store, directory, [.. paths.Where(path => !found.ContainsKey(path))], found, cancellation).ConfigureAwait(false);
            }
        }

        return found;
    }

    private bool TakeKnown(StoreDirectory directory, IReadOnlyCollection<StorePath> paths, Dictionary<StorePath, NixHash?> found)
    {
        var all = true;
        foreach (var path in paths)
        {
            if (_known.TryGet((directory.Path, path), out var hash))
            {
                found[path] = hash;
            }
            else
            {
                all = false;
            }
        }

        return all;
    }

    /// <summary>Works through the closure of the paths, inputs first, so that no more than a few derivations are held at once.</summary>
    private async Task ReadAsync(
        StoreRecord store, StoreDirectory directory, StorePath[] paths, Dictionary<StorePath, NixHash?> found, CancellationToken cancellation)
    {
        var closure = await metadata.GetClosureAsync(
            store.Id, [.. paths.Select(path => path.HashPart)], limits.ClosurePathsMax, cancellationToken: cancellation).ConfigureAwait(false);
        var rows = closure.Paths.Where(row => DerivationFile.IsNameOf(row.Path)).ToDictionary(row => row.Path);
        TakeKnown(directory, rows.Keys, found);
        var unknown = rows.Keys.Where(path => !found.ContainsKey(path)).ToHashSet();
        var ordered = DependencyOrder.Sort(unknown, path => rows[path].References.Where(unknown.Contains));
        foreach (var part in ordered.Chunk(DerivationsPerRead))
        {
            var derivations = await stored.ReadAsync(store, [.. part.Select(path => rows[path])], cancellation).ConfigureAwait(false);
            for (var i = 0; i < part.Length; i++)
            {
                found[part[i]] = derivations[i] is { } derivation ? Hash(directory, derivation, found) : null;
                if (found[part[i]] is { } hash)
                {
                    Add(directory, part[i], hash);
                }
            }
        }
    }

    private static NixHash? Hash(StoreDirectory directory, Derivation derivation, Dictionary<StorePath, NixHash?> found)
    {
        var inputs = new Dictionary<string, NixHash>(StringComparer.Ordinal);
        foreach (var input in derivation.InputDerivations)
        {
            if (!directory.TryParse(input.Path, out var path) || found.GetValueOrDefault(path) is not { } hash)
            {
                return null;
            }

            inputs[input.Path] = hash;
        }

        return DerivationHash.OfInput(derivation, path => inputs[path]);
    }
}
