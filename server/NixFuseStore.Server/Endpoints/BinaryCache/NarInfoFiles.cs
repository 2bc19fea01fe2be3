using System.Text;
using NixFuseStore.Nix;
using NixFuseStore.Nix.BinaryCaches;
using NixFuseStore.Server.Base;
using NixFuseStore.Server.Content;
using NixFuseStore.Server.Signing;
using NixFuseStore.Storage.Chunks;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Endpoints.BinaryCache;

/// <summary>Writes the .narinfo files of valid paths, which are remembered until something happens to the path or the store has another key. Calls may overlap.</summary>
internal sealed class NarInfoFiles(ValidPaths paths, StoreKeys keys, ZstdNars nars, StoreEvents events, ServerLimits limits)
{
    /// <summary>About what an entry takes besides its file.</summary>
    private const int EntryBytes = 256;

    private readonly StoreCache<string, (byte[] File, string Key)> _cache = new(events, limits.RememberedNarInfoBytes, static entry => entry.File.Length + EntryBytes, holdsSignatures: true);

    /// <summary>The file of the valid path with that hash part, or null.</summary>
    public async ValueTask<byte[]?> FindAsync(StoreRecord store, string hashPart, CancellationToken cancellation)
    {
        var key = (await keys.GetAsync(store.Id, cancellation).ConfigureAwait(false))[0];
        if (_cache.TryGet(store, hashPart, out var known, out var moment) && known.Key == key.PublicKey)
        {
            return known.File;
        }

        // A damaged path counts as missing, so that a client that has it copies it here once more.
        // Nix aborts when it is to write a .narinfo again that states no FileHash, as for "nix store sign".
        if (await paths.FindAsync(store, hashPart, cancellation).ConfigureAwait(false) is not { IsDamaged: false } path
            || await TryDescribeAsync(store, path, cancellation).ConfigureAwait(false) is not { } compressed)
        {
            return null;
        }

        var file = Print(path, compressed, new StoreDirectory(store.StoreDirectory), key);
        _cache.Add(store, hashPart, hashPart, (file, key.PublicKey), moment);
        return file;
    }

    private async Task<CompressedNar?> TryDescribeAsync(StoreRecord store, StoredPath path, CancellationToken cancellation)
    {
        try
        {
            return await nars.DescribeAsync(store, path, cancellation).ConfigureAwait(false);
        }
        catch (ChunkDamagedException)
        {
            return null;
        }
    }

    private static byte[] Print(StoredPath path, CompressedNar compressed, StoreDirectory directory, SigningKeyRecord key)
    {
        var info = Records.ToPathInfo(path);

        // Registration has signed with the key of that time; a newer one signs when it is asked.
        var signer = NixSecretKey.Parse(key.SecretKey);
        if (!info.IsSignedByAny(directory, [signer.PublicKey]))
        {
            info = info.WithSignature(directory, signer);
        }

        var file = new NarInfo
        {
            Info = info,
            Url = "nar/" + NarFileName.Of(path.Path, info.NarHash),
            Compression = NarCompressions.NameOf(NarCompression.Zstd),
            FileHash = new NixHash(NixHashAlgorithm.Sha256, compressed.Hash),
            FileSize = (ulong)compressed.Size,
        };
        return Encoding.UTF8.GetBytes(file.Print(directory));
    }
}
