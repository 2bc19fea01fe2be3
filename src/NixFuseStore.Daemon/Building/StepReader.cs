using NixFuseStore.Daemon.Derivations;
using NixFuseStore.Nix;

namespace NixFuseStore.Daemon.Building;

/// <summary>Makes steps out of derivations that are valid, with all that they need; for hosts that build what others have asked for. Any thread.</summary>
public sealed class StepReader
{
    private readonly DerivationLibrary _library;
    private readonly StepMaker _maker;

    /// <summary>Over a store, which stays the caller's.</summary>
    public StepReader(IDaemonStore store)
    {
        _library = new DerivationLibrary(store);
        _maker = new StepMaker(store, _library, new OutputResolver(store, _library));
    }

    /// <summary>Reads a step.</summary>
    /// <param name="path">The .drv.</param>
    /// <param name="limits">What it is allowed.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="DaemonStoreException">The derivation is not valid, or none, or something that it needs is not valid.</exception>
    public async Task<BuildStep> ReadAsync(StorePath path, BuildLimits limits, CancellationToken cancellationToken)
    {
        var derivation = await _library.ReadAsync(path, cancellationToken);
        return await _maker.MakeAsync(path, derivation, cancellationToken) with { IsRegistered = true, Limits = limits };
    }
}
