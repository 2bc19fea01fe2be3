using BitFaster.Caching.Lru;
using NixFuseStore.Daemon.Wire;
using NixFuseStore.Nix;
using NixFuseStore.Nix.Derivations;

namespace NixFuseStore.Daemon.Derivations;

/// <summary>
/// Reads derivations out of the store, and remembers their hashes: a derivation's path follows from its contents, so what was
/// computed once holds for ever.
/// </summary>
internal sealed class DerivationLibrary(IDaemonStore store)
{
    // About 300 bytes each; the closure of a whole system has some 20,000 derivations.
    private const int HashesMax = 64 * 1024;

    // No real derivations need more; a chain made to tire the server ends here.
    private const int ClosureMax = 1024 * 1024;

    private readonly FastConcurrentLru<StorePath, NixHash> _inputHashes = new(HashesMax);

    /// <summary>Whether the path is a derivation by its name.</summary>
    internal static bool IsDerivation(StorePath path) => path.BaseName.EndsWith(".drv", StringComparison.Ordinal);

    /// <summary>A derivation's name, which its path has with <c>.drv</c> behind it.</summary>
    internal static string NameOf(StorePath path) => path.Name[..^".drv".Length];

    /// <summary>Reads a derivation; null where the path is not valid.</summary>
    /// <exception cref="DaemonStoreException">It is no derivation.</exception>
    internal async ValueTask<Derivation?> FindAsync(StorePath path, CancellationToken cancellationToken)
    {
        if (!IsDerivation(path))
        {
            throw new DaemonStoreException($"'{store.Directory.Print(path)}' is not a derivation: its name does not end in .drv");
        }

        return await store.ReadFileAsync(path, WireLimits.DerivationBytesMax, cancellationToken) is { } contents
            ? Parse(path, contents.Span)
            : null;
    }

    /// <summary>Reads a derivation.</summary>
    /// <exception cref="DaemonStoreException">The path is not valid, or no derivation.</exception>
    internal async ValueTask<Derivation> ReadAsync(StorePath path, CancellationToken cancellationToken) =>
        await FindAsync(path, cancellationToken)
        ?? throw new DaemonStoreException($"path '{store.Directory.Print(path)}' is not valid");

    /// <summary>Reads contents that are, or are to be, at that path.</summary>
    /// <exception cref="DaemonStoreException">They are no derivation.</exception>
    internal Derivation Parse(StorePath path, ReadOnlySpan<byte> contents)
    {
        try
        {
            return Derivation.Parse(contents);
        }
        catch (FormatException e)
        {
            throw new DaemonStoreException($"'{store.Directory.Print(path)}' is not a derivation: {e.Message}", e);
        }
    }

    /// <summary>The paths that a derivation's outputs must have, by name; those that depend on what is built have none.</summary>
    internal async ValueTask<IReadOnlyDictionary<string, StorePath>> OutputPathsAsync(
        Derivation derivation, string name, CancellationToken cancellationToken)
    {
        var hashes = await InputHashesAsync(derivation, cancellationToken);
        return DerivationHash.OutputPaths(derivation, name, store.Directory, input => hashes[input]);
    }

    /// <summary>The hash that stands in the ids of a derivation's outputs.</summary>
    internal async ValueTask<NixHash> OutputHashAsync(Derivation derivation, CancellationToken cancellationToken)
    {
        var hashes = await InputHashesAsync(derivation, cancellationToken);
        return DerivationHash.OfOutputs(derivation, input => hashes[input]);
    }

    /// <summary>Remembers the hash of a derivation that has been checked and is on its way into the store.</summary>
    internal async ValueTask RememberAsync(StorePath path, Derivation derivation, CancellationToken cancellationToken)
    {
        if (!_inputHashes.TryGet(path, out _))
        {
            var hashes = await InputHashesAsync(derivation, cancellationToken);
            _inputHashes.AddOrUpdate(path, DerivationHash.OfInput(derivation, input => hashes[input]));
        }
    }

    // The hashes of the derivation's inputs by full path. Inputs' inputs come first; the stack is ours, so that no chain is too deep.
    private async ValueTask<Dictionary<string, NixHash>> InputHashesAsync(Derivation derivation, CancellationToken cancellationToken)
    {
        var found = new Dictionary<string, NixHash>();
        var pending = new Stack<(string Path, Derivation? Read)>(derivation.InputDerivations.Select(input => (input.Path, (Derivation?)null)));
        var read = 0;
        while (pending.TryPop(out var next))
        {
            if (found.ContainsKey(next.Path))
            {
                continue;
            }

            var path = store.Directory.TryParse(next.Path, out var parsed)
                ? parsed
                : throw new DaemonStoreException($"the derivation has the input '{next.Path}', which is not a path in the store {store.Directory}");
            if (_inputHashes.TryGet(path, out var known))
            {
                found.Add(next.Path, known);
            }
            else if (next.Read is { } whole)
            {
                var hash = DerivationHash.OfInput(whole, input => found[input]);
                _inputHashes.AddOrUpdate(path, hash);
                found.Add(next.Path, hash);
            }
            else
            {
                if (++read > ClosureMax)
                {
                    throw new DaemonStoreException($"the derivation has more than {ClosureMax} derivations among its inputs");
                }

                var input = await ReadAsync(path, cancellationToken);
                pending.Push((next.Path, input));
                foreach (var deeper in input.InputDerivations)
                {
                    pending.Push((deeper.Path, null));
                }
            }
        }

        return found;
    }
}
