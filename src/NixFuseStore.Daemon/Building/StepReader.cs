using NixFuseStore.Daemon.Derivations;
using NixFuseStore.Nix;

namespace NixFuseStore.Daemon.Building;

/// <summary>Makes steps out of derivations that are valid, with all that they need; for hosts that build what others have asked for. Any thread.</summary>
public sealed class StepReader
{
    private readonly IDaemonStore _store;
    private readonly DerivationLibrary _library;
    private readonly OutputResolver _outputs;

    /// <summary>Over a store, which stays the caller's.</summary>
    public StepReader(IDaemonStore store)
    {
        _store = store;
        _library = new DerivationLibrary(store);
        _outputs = new OutputResolver(store, _library);
    }

    /// <summary>Reads a step.</summary>
    /// <param name="path">The .drv.</param>
    /// <param name="limits">What it is allowed.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="DaemonStoreException">The derivation is not valid, or none, or something that it needs is not valid.</exception>
    public async Task<BuildStep> ReadAsync(StorePath path, BuildLimits limits, CancellationToken cancellationToken)
    {
        // 1. What it makes.
        var derivation = await _library.ReadAsync(path, cancellationToken);
        var outputs = await _outputs.ListAsync(derivation, cancellationToken);
        if (outputs.FirstOrDefault(static output => output.Path is null) is { } unknown)
        {
            throw new DaemonStoreException($"where the output '{unknown.Name}' of '{_store.Directory.Print(path)}' goes depends on its content");
        }

        // 2. What it needs.
        var inputs = derivation.InputSources.Select(_store.Directory.Parse).ToHashSet();
        foreach (var input in derivation.InputDerivations)
        {
            var read = await _library.ReadAsync(_store.Directory.Parse(input.Path), cancellationToken);
            foreach (var output in await _outputs.ListAsync(read, cancellationToken))
            {
                if (input.Outputs.Contains(output.Name))
                {
                    inputs.Add(output.Path ?? throw new DaemonStoreException($"the output '{output.Name}' of '{input.Path}' is not built"));
                }
            }
        }

        var absent = inputs.Except(await _store.FilterValidAsync(inputs, cancellationToken)).ToList();
        if (absent.Count > 0)
        {
            throw new DaemonStoreException($"'{_store.Directory.Print(absent[0])}', which '{_store.Directory.Print(path)}' needs, is not valid");
        }

        return new BuildStep
        {
            Path = path,
            Derivation = derivation,
            IsRegistered = true,
            Inputs = [.. inputs.Order()],
            Outputs = outputs.ToDictionary(static output => output.Name, static output => output.Path!.Value, StringComparer.Ordinal),
            Limits = limits,
        };
    }
}
