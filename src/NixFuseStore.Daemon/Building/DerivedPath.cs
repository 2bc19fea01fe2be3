using NixFuseStore.Daemon.Derivations;
using NixFuseStore.Daemon.Wire;
using NixFuseStore.Nix;

namespace NixFuseStore.Daemon.Building;

/// <summary>What a client wants to be valid: a store object, or outputs of a derivation.</summary>
/// <param name="Text">As the client wrote it; results name it so.</param>
/// <param name="Path">The object, or the derivation.</param>
/// <param name="Outputs">Null for the object itself; the wanted outputs otherwise, none meaning all.</param>
internal sealed record DerivedPath(string Text, StorePath Path, IReadOnlyList<string>? Outputs)
{
    // From 1.30 on a .drv by itself means the file, and "!*" all of its outputs.
    private const int StarMinor = 30;

    /// <summary>Whether an output of that name is wanted.</summary>
    internal bool Wants(string output) => Outputs is { Count: 0 } || Outputs?.Contains(output) == true;

    /// <summary>Reads one as a client of that version writes it.</summary>
    /// <exception cref="WireException">It is none.</exception>
    internal static DerivedPath Parse(StoreDirectory directory, string text, int minor)
    {
        int separator = text.IndexOf('!', StringComparison.Ordinal);
        string pathText = separator < 0 ? text : text[..separator];
        if (!directory.TryParse(pathText, out var path))
        {
            throw new WireException($"'{pathText}' is not a path in the store {directory}");
        }

        if (separator < 0)
        {
            return new DerivedPath(text, path, minor < StarMinor && DerivationLibrary.IsDerivation(path) ? [] : null);
        }

        string names = text[(separator + 1)..];
        if (names.Contains('!', StringComparison.Ordinal) || !DerivationLibrary.IsDerivation(path))
        {
            throw new WireException($"'{text}' does not name outputs of a derivation that this store can build");
        }

        return new DerivedPath(text, path, names == "*" && minor >= StarMinor ? [] : names.Split(','));
    }

    /// <summary>Reads a list of them.</summary>
    internal static async ValueTask<List<DerivedPath>> ReadListAsync(WireReader reader, StoreDirectory directory, int minor)
    {
        int count = await reader.ReadCountAsync();
        var paths = new List<DerivedPath>();
        for (int i = 0; i < count; i++)
        {
            paths.Add(Parse(directory, await reader.ReadTextAsync(), minor));
        }

        return paths;
    }
}
