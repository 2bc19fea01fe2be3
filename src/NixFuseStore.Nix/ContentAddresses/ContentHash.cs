using System.Security.Cryptography;
using NixFuseStore.Nix.Archives;

namespace NixFuseStore.Nix.ContentAddresses;

/// <summary>A hash in any of Nix's algorithms over data that comes in pieces.</summary>
public sealed class ContentHash(NixHashAlgorithm algorithm) : INarOutput, IDisposable
{
#pragma warning disable CA5350, CA5351 // Nix has such addresses; the SHA-256 of the NAR is verified besides.
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(algorithm switch
    {
        NixHashAlgorithm.Md5 => HashAlgorithmName.MD5,
        NixHashAlgorithm.Sha1 => HashAlgorithmName.SHA1,
        NixHashAlgorithm.Sha512 => HashAlgorithmName.SHA512,
        _ => HashAlgorithmName.SHA256,
    });
#pragma warning restore CA5350, CA5351

    /// <inheritdoc/>
    public void Write(ReadOnlySpan<byte> bytes) => _hash.AppendData(bytes);

    /// <summary>The hash; to be asked for once.</summary>
    public NixHash Finish() => new(algorithm, _hash.GetHashAndReset());

    /// <inheritdoc/>
    public void Dispose() => _hash.Dispose();
}
