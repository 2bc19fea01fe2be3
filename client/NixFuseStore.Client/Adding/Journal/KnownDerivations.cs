using BitFaster.Caching.Lru;
using NixFuseStore.Nix;
using NixFuseStore.Nix.Derivations;

namespace NixFuseStore.Client.Adding;

/// <summary>
/// Remembers by which hash each derivation that came by counts as an input of others, so that one that needs them can be checked without
/// reading them. Nix adds derivations behind their inputs, so that mostly they did come by. Any thread.
/// </summary>
internal sealed class KnownDerivations(StoreDirectory directory)
{
    /// <summary>About 300 bytes each. Beyond that, those longest unused are forgotten.</summary>
    private const int KnownMax = 200_000;

    private const string Extension = ".drv";

    private readonly FastConcurrentLru<string, NixHash> _inputHashes = new(KnownMax);

    public static bool IsNameOf(StorePath path) => path.BaseName.EndsWith(Extension, StringComparison.Ordinal);

    /// <summary>Whether the contents are a derivation that the server would accept. False also where an input is not known.</summary>
    public bool TryLearn(PathInfo info, ReadOnlySpan<byte> contents)
    {
        try
        {
            var derivation = Derivation.Parse(contents);
            if (!derivation.InputDerivations.All(input => _inputHashes.TryGet(input.Path, out _))
                || derivation.References(directory).Except(info.References).Any())
            {
                return false;
            }

            DerivationVerifier.Verify(derivation, info.Path.Name[..^Extension.Length], directory, InputHash);
            _inputHashes.AddOrUpdate(directory.Print(info.Path), DerivationHash.OfInput(derivation, InputHash));
            return true;
        }
        catch (Exception e) when (e is FormatException or ArgumentException or KeyNotFoundException)
        {
            // The server says what is wrong with it.
            return false;
        }
    }

    // One that was forgotten in between counts as not known.
    private NixHash InputHash(string fullPath) => _inputHashes.TryGet(fullPath, out var hash) ? hash : throw new KeyNotFoundException(fullPath);
}
