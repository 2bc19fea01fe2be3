using System.Security.Cryptography;
using NixFuseStore.Nix;

namespace NixFuseStore.Daemon.Adding;

/// <summary>A hash in any of Nix's algorithms over data that comes in pieces.</summary>
internal sealed class ContentHash(NixHashAlgorithm algorithm) : IDisposable
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(algorithm switch
    {
        NixHashAlgorithm.Md5 => HashAlgorithmName.MD5,
        NixHashAlgorithm.Sha1 => HashAlgorithmName.SHA1,
        NixHashAlgorithm.Sha512 => HashAlgorithmName.SHA512,
        _ => HashAlgorithmName.SHA256,
    });

    /// <summary>Takes the next bytes.</summary>
    internal void Append(ReadOnlySpan<byte> bytes) => _hash.AppendData(bytes);

    /// <summary>The hash; to be asked for once.</summary>
    internal NixHash Finish() => new(algorithm, _hash.GetHashAndReset());

    /// <inheritdoc/>
    public void Dispose() => _hash.Dispose();
}
