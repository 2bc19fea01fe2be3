using NixFuseStore.Daemon.Derivations;
using NixFuseStore.Nix;
using NixFuseStore.Nix.Derivations;

namespace NixFuseStore.Daemon.Building;

/// <summary>
/// Finds out what it takes to make paths valid: what would be built, what fetched, and of what nothing is known. Goes level by level,
/// so that the server is asked about many paths at once.
/// </summary>
internal sealed class MissingPaths(IDaemonStore store, DerivationLibrary library, OutputResolver outputs, bool substitute)
{
    private readonly HashSet<(StorePath, string)> _seenOutputs = [];
    private readonly HashSet<StorePath> _seenObjects = [];
    private List<StorePath> _objects = [];
    private List<DerivedPath> _derivations = [];

    /// <summary>Derivations.</summary>
    internal HashSet<StorePath> WillBuild { get; } = [];

    /// <summary>Paths.</summary>
    internal HashSet<StorePath> WillSubstitute { get; } = [];

    /// <summary>Paths that are neither valid nor to be had.</summary>
    internal HashSet<StorePath> Unknown { get; } = [];

    /// <summary>Bytes to be transferred, as far as known.</summary>
    internal ulong DownloadSize { get; private set; }

    /// <summary>Bytes of the NARs to be fetched, as far as known.</summary>
    internal ulong NarSize { get; private set; }

    /// <summary>Follows everything that is wanted.</summary>
    internal async ValueTask FollowAsync(IEnumerable<DerivedPath> wanted, CancellationToken cancellationToken)
    {
        foreach (var path in wanted)
        {
            Enqueue(path);
        }

        while (_objects.Count > 0 || _derivations.Count > 0)
        {
            (var objects, _objects) = (_objects, []);
            (var derivations, _derivations) = (_derivations, []);
            await FollowObjectsAsync(objects, cancellationToken);
            foreach (var derivation in derivations)
            {
                await FollowDerivationAsync(derivation, cancellationToken);
            }
        }
    }

    private void Enqueue(DerivedPath path)
    {
        if (path.Outputs is null)
        {
            Enqueue(path.Path);
        }
        else if (_seenOutputs.Add((path.Path, string.Join(',', path.Outputs))))
        {
            _derivations.Add(path);
        }
    }

    private void Enqueue(StorePath path)
    {
        if (_seenObjects.Add(path))
        {
            _objects.Add(path);
        }
    }

    private async ValueTask FollowObjectsAsync(List<StorePath> paths, CancellationToken cancellationToken)
    {
        if (paths.Count == 0)
        {
            return;
        }

        var missing = paths.Except(await store.FilterValidAsync(paths, cancellationToken)).ToList();
        var found = await FindSubstitutesAsync(missing, cancellationToken);
        foreach (var path in missing)
        {
            if (found.TryGetValue(path, out var substitute))
            {
                Add(substitute);
            }
            else
            {
                Unknown.Add(path);
            }
        }
    }

    private async ValueTask FollowDerivationAsync(DerivedPath wanted, CancellationToken cancellationToken)
    {
        // 1. Without the derivation nobody knows what its outputs are.
        if (await library.FindAsync(wanted.Path, cancellationToken) is not { } derivation)
        {
            Unknown.Add(wanted.Path);
            return;
        }

        // 2. Valid outputs need nothing.
        var states = (await outputs.ListAsync(derivation, cancellationToken)).Where(output => wanted.Wants(output.Name)).ToList();
        var paths = states.Select(output => output.Path).OfType<StorePath>().ToList();
        var missing = paths.Except(await store.FilterValidAsync(paths, cancellationToken)).ToList();
        if (missing.Count == 0 && paths.Count == states.Count)
        {
            return;
        }

        // 3. Fetched if all that are missing can be.
        if (paths.Count == states.Count && AllowsSubstitutes(derivation))
        {
            var found = await FindSubstitutesAsync(missing, cancellationToken);
            if (found.Count == missing.Count)
            {
                foreach (var substitute in found.Values)
                {
                    _seenObjects.Add(substitute.Path);
                    Add(substitute);
                }

                return;
            }
        }

        // 4. Otherwise built, for which all inputs must be there.
        WillBuild.Add(wanted.Path);
        foreach (var input in derivation.InputDerivations)
        {
            if (store.Directory.TryParse(input.Path, out var path))
            {
                Enqueue(new DerivedPath(input.Path, path, input.Outputs));
            }
        }
    }

    private async ValueTask<Dictionary<StorePath, SubstitutablePath>> FindSubstitutesAsync(
        List<StorePath> paths, CancellationToken cancellationToken) => substitute && paths.Count > 0
        ? (await store.FindSubstitutableAsync(paths, cancellationToken)).ToDictionary(path => path.Path)
        : [];

    private void Add(SubstitutablePath path)
    {
        if (WillSubstitute.Add(path.Path))
        {
            DownloadSize += path.DownloadSize;
            NarSize += path.NarSize;
            foreach (var reference in path.References)
            {
                Enqueue(reference);
            }
        }
    }

    private static bool AllowsSubstitutes(Derivation derivation) =>
        !derivation.Environment.Any(variable => variable is { Key: "allowSubstitutes", Value: "" or "0" });
}
