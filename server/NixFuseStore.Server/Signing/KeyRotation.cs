using NixFuseStore.Content;
using NixFuseStore.Nix;
using NixFuseStore.Server.Base;
using NixFuseStore.Storage.Base;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Signing;

/// <summary>
/// Signs the paths of a store again after its key was rotated, a batch at a time so that others come between. Which paths are left is
/// asked of the database, so it goes on where it stopped, after a restart or on another server; two servers at once only do work twice.
/// </summary>
internal sealed class KeyRotation(IMetadataStore metadata, TimeProvider time, ILogger logger)
{
    /// <summary>Paths of one batch, which is one transaction.</summary>
    private const int BatchPaths = 200;

    /// <summary>So often stores are looked at for new keys.</summary>
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan PauseBetweenBatches = TimeSpan.FromMilliseconds(50);

    /// <summary>Servers go on signing with the old key for as long as they remember it; only then a look that finds nothing left is final.</summary>
    private static readonly TimeSpan KeysRememberedFor = TimeSpan.FromSeconds(30);

    // The newest key by which all paths of a store are signed.
    private readonly Dictionary<StoreId, string> _done = [];

    /// <summary>Runs until the server stops.</summary>
    public Task RunAsync(CancellationToken stopping) => SupervisedLoop.RunAsync(
        "signing paths again", SignAllAsync, Interval, time, (loop, reason) => logger.LoopFailed(loop, reason), stopping);

    private async Task SignAllAsync(CancellationToken stopping)
    {
        foreach (var store in await metadata.ListStoresAsync(stopping).ConfigureAwait(false))
        {
            var keys = await metadata.GetSigningKeysAsync(store.Id, stopping).ConfigureAwait(false);
            if (keys.Count > 1 && _done.GetValueOrDefault(store.Id) != keys[0].PublicKey)
            {
                await SignStoreAsync(store, keys[0], stopping).ConfigureAwait(false);
            }
        }
    }

    private async Task SignStoreAsync(StoreRecord store, SigningKeyRecord record, CancellationToken stopping)
    {
        var key = NixSecretKey.Parse(record.SecretKey);
        var directory = new StoreDirectory(store.StoreDirectory);
        var started = time.GetUtcNow();
        var signed = 0;
        while (await metadata.FindUnsignedPathsAsync(store.Id, key.Name, BatchPaths, stopping).ConfigureAwait(false) is { Count: > 0 } paths)
        {
            await metadata.AddSignaturesAsync(store.Id, [.. paths.Select(path => Sign(store, directory, path, key))], stopping).ConfigureAwait(false);
            signed += paths.Count;
            await Task.Delay(PauseBetweenBatches, time, stopping).ConfigureAwait(false);
        }

        if (signed > 0)
        {
            logger.SignedAgain(store.Name, signed, key.Name);
        }

        if (started - DateTimeOffset.FromUnixTimeSeconds(record.Created) > KeysRememberedFor)
        {
            _done[store.Id] = record.PublicKey;
        }
    }

    private static PathSignatures Sign(StoreRecord store, StoreDirectory directory, StoredPath path, NixSecretKey key)
    {
        var info = Records.ToPathInfo(path);
        var signature = info.WithSignature(directory, key).Signatures.Select(each => each.ToString()).Except(path.Signatures);
        return new PathSignatures(path.Path, [.. signature])
        {
            StoreSignatures = [new PathStatement(store.Name, directory, info, path.ManifestDigest).Sign(key).ToString()],
        };
    }
}
