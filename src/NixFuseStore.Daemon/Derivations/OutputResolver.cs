using NixFuseStore.Nix;
using NixFuseStore.Nix.Derivations;
using NixFuseStore.Nix.Realisations;

namespace NixFuseStore.Daemon.Derivations;

/// <summary>Says where the outputs of derivations are, looking realisations up for those whose paths depend on what is built.</summary>
internal sealed class OutputResolver(IDaemonStore store, DerivationLibrary library)
{
    /// <summary>All outputs, by name.</summary>
    internal async ValueTask<IReadOnlyList<OutputState>> ListAsync(Derivation derivation, CancellationToken cancellationToken)
    {
        NixHash? hash = null;
        var outputs = new List<OutputState>(derivation.Outputs.Count);
        foreach (var output in derivation.Outputs)
        {
            if (output.Path.Length > 0)
            {
                outputs.Add(new OutputState(output.Name, Parse(output.Path), Id: null));
                continue;
            }

            hash ??= await library.OutputHashAsync(derivation, cancellationToken);
            string id = Realisation.IdOf(hash, output.Name);
            string? json = await store.FindRealisationAsync(id, cancellationToken);
            outputs.Add(new OutputState(output.Name, json is null ? null : ReadRealisation(json).OutPath, id));
        }

        return outputs;
    }

    /// <summary>Reads a realisation, of a client or of the store.</summary>
    /// <exception cref="DaemonStoreException">It is none.</exception>
    internal static Realisation ReadRealisation(string json)
    {
        try
        {
            return Realisation.Parse(json);
        }
        catch (FormatException e)
        {
            throw new DaemonStoreException(e.Message, e);
        }
    }

    private StorePath Parse(string path) => store.Directory.TryParse(path, out var parsed)
        ? parsed
        : throw new DaemonStoreException($"the derivation has the output '{path}', which is not a path in the store {store.Directory}");
}
