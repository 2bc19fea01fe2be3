using System.Security.Cryptography;
using NixFuseStore.Content;
using NixFuseStore.Nix;
using NixFuseStore.Nix.Archives;

namespace NixFuseStore.Server.Registration;

/// <summary>Makes sure that a content address is that of the path and of its content.</summary>
internal static class ContentAddressCheck
{
    /// <summary>Computes the store path from the address.</summary>
    /// <exception cref="RefusedException">It is another one.</exception>
    public static void CheckPath(StoreDirectory directory, PathInfo info)
    {
        if (info.ContentAddress is not { } address)
        {
            return;
        }

        var others = info.References.Where(reference => reference != info.Path);
        StorePath computed;
        try
        {
            computed = StorePathComputation.MakeFixed(directory, info.Path.Name, address, others, info.References.Contains(info.Path));
        }
        catch (Exception e) when (e is ArgumentException or FormatException)
        {
            throw new RefusedException($"the content address {address} cannot be that of this path: {e.Message}");
        }

        if (computed != info.Path)
        {
            throw new RefusedException($"the content address {address} makes the path {computed}");
        }
    }

    /// <summary>Compares the content with the address; its NAR hash was verified before.</summary>
    /// <param name="info">The path.</param>
    /// <param name="write">Sends the content to a visitor.</param>
    /// <exception cref="RefusedException">The content has another address, or none that this server can check.</exception>
    public static void CheckContent(PathInfo info, Action<INarVisitor> write)
    {
        if (info.ContentAddress is not { } address)
        {
            return;
        }

        NixHash actual;
        switch (address.Method)
        {
            case ContentAddressMethod.Nar when info.References.Contains(info.Path):
                actual = HashOfNar(address.Hash.Algorithm, write, info.Path.HashPart);
                break;
            case ContentAddressMethod.Nar when address.Hash.Algorithm == NixHashAlgorithm.Sha256:
                actual = info.NarHash;
                break;
            case ContentAddressMethod.Nar:
                actual = HashOfNar(address.Hash.Algorithm, write, self: null);
                break;
            case ContentAddressMethod.Flat or ContentAddressMethod.Text:
                actual = HashOfFile(address.Hash.Algorithm, write);
                break;
            default:
                throw new RefusedException($"this server cannot check the content address {address}");
        }

        if (!actual.Equals(address.Hash))
        {
            throw new RefusedException($"the content's hash is {actual}, but its content address {address}");
        }
    }

    private static NixHash HashOfNar(NixHashAlgorithm algorithm, Action<INarVisitor> write, string? self)
    {
        using var hash = Create(algorithm);
        if (self is null)
        {
            var output = new HashOutput(hash);
            write(new NarWriter(output));
        }
        else
        {
            var modulo = new ModuloHash(hash, self);
            write(new NarWriter(modulo));
            modulo.Finish();
        }

        return new NixHash(algorithm, hash.GetHashAndReset());
    }

    private static NixHash HashOfFile(NixHashAlgorithm algorithm, Action<INarVisitor> write)
    {
        using var hash = Create(algorithm);
        write(new FileHasher(hash));
        return new NixHash(algorithm, hash.GetHashAndReset());
    }

#pragma warning disable CA5350, CA5351 // Nix has such addresses; the NAR's SHA-256 is verified besides
    private static IncrementalHash Create(NixHashAlgorithm algorithm) => IncrementalHash.CreateHash(algorithm switch
    {
        NixHashAlgorithm.Md5 => HashAlgorithmName.MD5,
        NixHashAlgorithm.Sha1 => HashAlgorithmName.SHA1,
        NixHashAlgorithm.Sha512 => HashAlgorithmName.SHA512,
        _ => HashAlgorithmName.SHA256,
    });
#pragma warning restore CA5350, CA5351
}
