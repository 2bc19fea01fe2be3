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
    // Derivations read at a time, each of which may be a question to the server.
    private const int ReadsMax = 64;

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
            await FollowDerivationsAsync(derivations, cancellationToken);
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
            if (found.TryGetValue(path, out var substitutable))
            {
                Add(substitutable);
            }
            else
            {
                Unknown.Add(path);
            }
        }
    }

    private async ValueTask FollowDerivationsAsync(List<DerivedPath> wanted, CancellationToken cancellationToken)
    {
        // 1. What their outputs are. Without the derivation that is not known.
        var plans = new List<Plan>(wanted.Count);
        foreach (var batch in wanted.Chunk(ReadsMax))
        {
            foreach (var (path, plan) in batch.Zip(await Task.WhenAll(batch.Select(path => ReadAsync(path, cancellationToken)))))
            {
                if (plan is null)
                {
                    Unknown.Add(path.Path);
                }
                else
                {
                    plans.Add(plan);
                }
            }
        }

        // 2. Valid outputs need nothing; of the others some can be fetched.
        var paths = plans.SelectMany(plan => plan.Outputs).Distinct().ToList();
        var missing = paths.Except(paths.Count > 0 ? await store.FilterValidAsync(paths, cancellationToken) : []).ToHashSet();
        var asked = plans.Where(plan => plan.MayBeFetched).SelectMany(plan => plan.Outputs).Where(missing.Contains).Distinct().ToList();
        var found = await FindSubstitutesAsync(asked, cancellationToken);

        // 3. A derivation is built unless all that is missing can be fetched.
        foreach (var plan in plans)
        {
            var needed = plan.Outputs.Where(missing.Contains).ToList();
            if (plan.MayBeFetched && needed.All(found.ContainsKey))
            {
                needed.ForEach(path => Fetch(found[path]));
            }
            else if (!plan.IsKnown || needed.Count > 0)
            {
                Build(plan);
            }
        }
    }

    private async Task<Plan?> ReadAsync(DerivedPath wanted, CancellationToken cancellationToken)
    {
        if (await library.FindAsync(wanted.Path, cancellationToken) is not { } derivation)
        {
            return null;
        }

        var states = (await outputs.ListAsync(derivation, cancellationToken)).Where(output => wanted.Wants(output.Name)).ToList();
        var paths = states.Select(output => output.Path).OfType<StorePath>().ToList();
        return new Plan(wanted.Path, derivation, paths, IsKnown: paths.Count == states.Count);
    }

    private void Fetch(SubstitutablePath path)
    {
        _seenObjects.Add(path.Path);
        Add(path);
    }

    // What is built needs all of its inputs.
    private void Build(Plan plan)
    {
        WillBuild.Add(plan.Path);
        foreach (var input in plan.Derivation.InputDerivations)
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

    /// <summary>A derivation and those of its outputs that are wanted.</summary>
    /// <param name="Path">The derivation's.</param>
    /// <param name="Derivation">What it says.</param>
    /// <param name="Outputs">Paths of the wanted outputs, as far as they are known.</param>
    /// <param name="IsKnown">Whether they all are.</param>
    private sealed record Plan(StorePath Path, Derivation Derivation, List<StorePath> Outputs, bool IsKnown)
    {
        internal bool MayBeFetched => IsKnown && Derivation.AllowsSubstitutes;
    }
}
