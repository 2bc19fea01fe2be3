using NixFuseStore.Daemon.Derivations;
using NixFuseStore.Nix;
using NixFuseStore.Nix.Derivations;

namespace NixFuseStore.Daemon.Adding;

/// <summary>
/// Checks, before a derivation is registered, that its outputs have the paths that follow from it: a client that asks for such a path later
/// relies on that it can come from this derivation alone.
/// </summary>
internal sealed class DerivationCheck(IDaemonStore store, DerivationLibrary library)
{
    /// <summary>Checks the contents of a .drv, and remembers what it is to others as their input.</summary>
    /// <exception cref="DaemonStoreException">It is no derivation, or a path in it is not what follows from the rest.</exception>
    internal async ValueTask RequireSoundAsync(StorePath path, ReadOnlyMemory<byte> contents, CancellationToken cancellationToken)
    {
        var derivation = library.Parse(path, contents.Span);
        var computed = await ComputeAsync(path, derivation, cancellationToken);
        try
        {
            DerivationVerifier.RequireOutputs(derivation, store.Directory, computed);
        }
        catch (FormatException e)
        {
            throw new DaemonStoreException($"cannot add derivation '{store.Directory.Print(path)}': {e.Message}", e);
        }

        await library.RememberAsync(path, derivation, cancellationToken);
    }

    private async ValueTask<IReadOnlyDictionary<string, StorePath>> ComputeAsync(
        StorePath path, Derivation derivation, CancellationToken cancellationToken)
    {
        try
        {
            return await library.OutputPathsAsync(derivation, DerivationLibrary.NameOf(path), cancellationToken);
        }
        catch (FormatException e)
        {
            throw new DaemonStoreException($"derivation '{store.Directory.Print(path)}' cannot have outputs: {e.Message}", e);
        }
    }
}
