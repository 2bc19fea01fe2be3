using NixFuseStore.Daemon.Derivations;
using NixFuseStore.Nix;
using NixFuseStore.Nix.Derivations;
using NixFuseStore.Nix.Realisations;

namespace NixFuseStore.Daemon.Building;

/// <summary>Makes steps out of derivations, once all that they need is valid. Any thread.</summary>
internal sealed class StepMaker(IDaemonStore store, DerivationLibrary library, OutputResolver outputs)
{
    /// <summary>Makes the step of a derivation.</summary>
    /// <param name="path">The .drv.</param>
    /// <param name="derivation">What it says.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="DaemonStoreException">Something that it needs is not valid or not known, or it cannot be built here.</exception>
    internal async Task<BuildStep> MakeAsync(StorePath path, Derivation derivation, CancellationToken cancellationToken)
    {
        // 1. What it needs.
        RequireSupported(path, derivation);
        var inputs = new Dictionary<(string Derivation, string Output), OutputState>();
        foreach (var input in derivation.InputDerivations)
        {
            var read = await library.ReadAsync(store.Directory.Parse(input.Path), cancellationToken);
            foreach (var output in (await outputs.ListAsync(read, cancellationToken)).Where(output => input.Outputs.Contains(output.Name)))
            {
                inputs.Add((input.Path, output.Name), output.Path is null
                    ? throw new DaemonStoreException($"the output '{output.Name}' of '{input.Path}', which '{store.Directory.Print(path)}' needs, is not built")
                    : output);
            }
        }

        var needed = derivation.InputSources.Select(store.Directory.Parse).Concat(inputs.Values.Select(static output => output.Path!.Value)).ToHashSet();
        var absent = needed.Except(await store.FilterValidAsync(needed, cancellationToken)).ToList();
        if (absent.Count > 0)
        {
            throw new DaemonStoreException($"'{store.Directory.Print(absent[0])}', which '{store.Directory.Print(path)}' needs, is not valid");
        }

        // 2. What it says once its inputs are known.
        bool isOpen = inputs.Values.Any(static output => output.Id is not null) || derivation.Outputs.Any(static output => output.Path.Length == 0);
        var resolved = isOpen
            ? DerivationResolution.Resolve(
                derivation,
                DerivationLibrary.NameOf(path),
                store.Directory,
                (input, output) => inputs.TryGetValue((input, output), out var found)
                    ? found.Path!.Value
                    : throw new DaemonStoreException($"'{input}' has no output '{output}', which '{store.Directory.Print(path)}' needs"))
            : derivation;

        // 3. What it makes.
        var floating = resolved.Outputs.Where(static output => output.IsFloating).ToArray();
        var hash = floating.Length > 0 ? await library.OutputHashAsync(resolved, cancellationToken) : null;
        return new BuildStep
        {
            Path = path,
            Derivation = resolved,
            ResolvedPath = ReferenceEquals(resolved, derivation) ? null : resolved.ComputePath(store.Directory, DerivationLibrary.NameOf(path)),
            Inputs = [.. needed.Order()],
            Outputs = resolved.Outputs.Except(floating).ToDictionary(
                static output => output.Name, output => store.Directory.Parse(output.Path), StringComparer.Ordinal),
            RealisationIds = floating.ToDictionary(static output => output.Name, output => Realisation.IdOf(hash!, output.Name), StringComparer.Ordinal),
        };
    }

    private void RequireSupported(StorePath path, Derivation derivation)
    {
        bool isFloating = derivation.Outputs.Any(static output => output.IsFloating);
        string? why = derivation switch
        {
            _ when derivation.Outputs.Any(static output => output.IsImpure) => "impure derivations are not built here",
            _ when isFloating && derivation.Outputs.Any(static output => !output.IsFloating) => "some of its outputs' paths depend on their content, and others' do not",
            _ => null,
        };
        if (why is not null)
        {
            throw new DaemonStoreException($"cannot build '{store.Directory.Print(path)}': {why}");
        }
    }
}
