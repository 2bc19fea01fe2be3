using System.Text;
using NixFuseStore.Nix;
using NixFuseStore.Nix.BinaryCaches;
using NixFuseStore.Server.Hosting;
using NixFuseStore.Server.Services;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.BinaryCache;

/// <summary>Looks paths up and writes their .narinfo files, which are remembered until the store changes. Calls may overlap.</summary>
internal sealed class ValidPaths(IMetadataStore metadata, StoreKeys keys, StoreChanges changes, ServerLimits limits)
{
    /// <summary>About what an entry takes besides its file: the row, above all the manifest's header.</summary>
    private const int EntryBytes = 512;

    private readonly StoreCache<string, ValidPath> _cache = new(
        changes, limits.RememberedNarInfoBytes, static path => path.NarInfo.Length + path.Path.ManifestHeader.Length + EntryBytes);

    /// <summary>The valid path with that hash part, or null. What is not valid is never remembered.</summary>
    public async ValueTask<ValidPath?> FindAsync(StoreRecord store, string hashPart, CancellationToken cancellation)
    {
        var key = (await keys.GetAsync(store.Id, cancellation).ConfigureAwait(false))[0];
        if (_cache.TryGet(store, hashPart, out var known, out var generation) && known.Key == key.PublicKey)
        {
            return known;
        }

        var rows = await metadata.QueryPathsAsync(store.Id, [hashPart], cancellation).ConfigureAwait(false);
        if (rows.Count == 0)
        {
            return null;
        }

        var path = new ValidPath(rows[0], Print(rows[0], new StoreDirectory(store.StoreDirectory), key), key.PublicKey);
        _cache.Add(store, hashPart, path, generation);
        return path;
    }

    private static byte[] Print(StoredPath path, StoreDirectory directory, SigningKeyRecord key)
    {
        var narHash = new NixHash(NixHashAlgorithm.Sha256, path.NarHash);
        var info = new PathInfo
        {
            Path = path.Path,
            NarHash = narHash,
            NarSize = path.NarSize,
            References = path.References,
            Deriver = path.Deriver,
            ContentAddress = path.ContentAddress is { } address ? ContentAddress.Parse(address) : null,
            Signatures = [.. path.Signatures.Select(NixSignature.Parse)],
        };

        // Registration has signed with the key of that time; a newer one signs when it is asked.
        var signer = NixSecretKey.Parse(key.SecretKey);
        if (!info.IsSignedByAny(directory, [signer.PublicKey]))
        {
            info = info.WithSignature(directory, signer);
        }

        var file = new NarInfo
        {
            Info = info,
            Url = "nar/" + NarFileName.Of(path.Path, narHash),
            Compression = NarCompressions.NameOf(NarCompression.Zstd),
        };
        return Encoding.UTF8.GetBytes(file.Print(directory));
    }
}
