using System.Runtime.InteropServices;
using NixFuseStore.Nix;
using NixFuseStore.Nix.Archives;
using NixFuseStore.Nix.ContentAddresses;

namespace NixFuseStore.Client.Adding;

/// <summary>
/// Whether a path can be answered before the server has seen it: only if the server cannot but accept it, that is where its name is computed
/// from its content and nothing in its record is open to doubt. Texts, plain files and trees by SHA-256 are; derivations, where their
/// inputs are known. Any thread.
/// </summary>
internal sealed class SmallPathCheck(StoreDirectory directory)
{
    private const int SignaturesMax = 16;

    private readonly KnownDerivations _derivations = new(directory);

    /// <param name="info">What is to be recorded; its hash and size are those of the NAR.</param>
    /// <param name="nar">The whole NAR, parsed before.</param>
    public bool Allows(PathInfo info, ReadOnlySpan<byte> nar)
    {
        if (info.ContentAddress is not { Hash.Algorithm: NixHashAlgorithm.Sha256 }
            || info.References.Contains(info.Path)
            || info.Signatures.Count > SignaturesMax
            || (info.Deriver is { } deriver && !KnownDerivations.IsNameOf(deriver))
            || !IsAddressOf(info, nar, out var contents))
        {
            return false;
        }

        return !KnownDerivations.IsNameOf(info.Path) || _derivations.TryLearn(info, contents);
    }

    private bool IsAddressOf(PathInfo info, ReadOnlySpan<byte> nar, out ReadOnlySpan<byte> contents)
    {
        var file = new List<byte>();
        try
        {
            using var verifier = new ContentAddressVerifier(directory, info, data => file.AddRange(data));
            new NarParser(verifier.Visitor).Write(nar);
            verifier.Nar?.Write(nar);
            verifier.Finish(info.NarHash);
            contents = CollectionsMarshal.AsSpan(file);
            return true;
        }
        catch (ContentAddressException)
        {
            // The server says so.
            contents = [];
            return false;
        }
    }
}
