using System.Collections.Concurrent;
using NixFuseStore.Storage.Blobs;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Storage.Packs;

/// <summary>
/// Reads stored bytes of packs by number. A read error is tried again and then told; nothing is concluded from it. That a pack is gone or
/// too short is only said of a blob store that is the right one. Calls may overlap.
/// </summary>
internal sealed class PackReader
{
    private const int AttemptsMax = 3;
    private static readonly TimeSpan RetryAfter = TimeSpan.FromMilliseconds(50);

    private readonly IMetadataStore _metadata;
    private readonly IBlobStore _blobs;
    private readonly string _identity;
    private readonly Action<string> _notice;

    /// <summary>Names of packs; a few dozen bytes for each 64 MiB stored.</summary>
    private readonly ConcurrentDictionary<PackId, string> _names = new();

    private PackReader(IMetadataStore metadata, IBlobStore blobs, string identity, Action<string> notice)
    {
        _metadata = metadata;
        _blobs = blobs;
        _identity = identity;
        _notice = notice;
    }

    /// <summary>Opens a reader, and sees to it that database and blob store belong together; new ones are tied to each other.</summary>
    /// <exception cref="BlobStoreUnavailableException">They do not, or the blob store's identity is gone.</exception>
    public static async Task<PackReader> OpenAsync(
        IMetadataStore metadata, IBlobStore blobs, Action<string> notice, CancellationToken cancellationToken)
    {
        // 1. A database that has not met its blob store yet. Where an older program has written packs, one of them must be here.
        string? found = await blobs.ReadIdentityAsync(cancellationToken).ConfigureAwait(false);
        string? expected = await metadata.FindBlobStoreAsync(cancellationToken).ConfigureAwait(false);
        bool isNew = expected is null;
        if (isNew)
        {
            if (found is null && !await HasAnyPackAsync(metadata, blobs, cancellationToken).ConfigureAwait(false))
            {
                throw NotThere(blobs);
            }

            await metadata.AddBlobStoreAsync(found ?? Guid.NewGuid().ToString("N"), cancellationToken).ConfigureAwait(false);
            expected = await metadata.FindBlobStoreAsync(cancellationToken).ConfigureAwait(false);
        }

        // 2. A blob store that nothing was stored in may be a new one; any other has lost what tells it.
        if (found is null && (isNew || !await KnowsPacksAsync(metadata, cancellationToken).ConfigureAwait(false)))
        {
            await blobs.WriteIdentityAsync(expected!, cancellationToken).ConfigureAwait(false);
        }

        var reader = new PackReader(metadata, blobs, expected!, notice);
        await reader.RequireBlobStoreAsync(cancellationToken).ConfigureAwait(false);
        return reader;
    }

    /// <summary>Fills the destination with stored bytes of a pack.</summary>
    /// <exception cref="FileNotFoundException">The pack is not there.</exception>
    /// <exception cref="EndOfStreamException">The pack ends before.</exception>
    /// <exception cref="BlobStoreUnavailableException">The blob store is not there.</exception>
    /// <exception cref="IOException">It could not be read, several times.</exception>
    public async ValueTask ReadAsync(PackId pack, long offset, Memory<byte> destination, CancellationToken cancellationToken)
    {
        bool lookedUpAgain = false;
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                string name = await FindNameAsync(pack, cancellationToken).ConfigureAwait(false);
                await _blobs.ReadAsync(name, offset, destination, cancellationToken).ConfigureAwait(false);
                return;
            }
            catch (Exception exception) when (exception is FileNotFoundException or EndOfStreamException)
            {
                // A disk that is not mounted looks like this, and a pack that was just written anew.
                await RequireBlobStoreAsync(cancellationToken).ConfigureAwait(false);
                if (lookedUpAgain)
                {
                    throw;
                }

                lookedUpAgain = true;
                _names.TryRemove(pack, out _);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException && exception is not BlobStoreUnavailableException)
            {
                if (attempt >= AttemptsMax)
                {
                    _notice($"pack {pack} cannot be read at {offset}, {attempt} times: {exception.Message}");
                    throw new IOException($"Pack {pack} cannot be read at {offset}: {exception.Message}", exception);
                }

                await Task.Delay(RetryAfter * attempt, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Numbers of packs are looked up again.</summary>
    public void ForgetNames() => _names.Clear();

    /// <summary>Bytes of a pack; 0 where it is gone.</summary>
    /// <exception cref="BlobStoreUnavailableException">The blob store is not there.</exception>
    public async Task<long> GetLengthAsync(PackId pack, CancellationToken cancellationToken)
    {
        var record = await _metadata.FindPackAsync(pack, cancellationToken).ConfigureAwait(false);
        long? length = record is null ? null : await _blobs.GetLengthAsync(record.Name, cancellationToken).ConfigureAwait(false);
        if (length is null)
        {
            await RequireBlobStoreAsync(cancellationToken).ConfigureAwait(false);
        }

        return length ?? 0;
    }

    /// <summary>Throws unless the blob store is there and the right one.</summary>
    /// <exception cref="BlobStoreUnavailableException">It is not.</exception>
    public async ValueTask RequireBlobStoreAsync(CancellationToken cancellationToken)
    {
        string? found = await _blobs.ReadIdentityAsync(cancellationToken).ConfigureAwait(false);
        if (found != _identity)
        {
            throw found is null ? NotThere(_blobs) : new BlobStoreUnavailableException(
                $"the {_blobs.Description} is not the one of this database: its identity is '{found}', not '{_identity}'");
        }
    }

    private static BlobStoreUnavailableException NotThere(IBlobStore blobs) => new(
        $"the {blobs.Description} has no identity file, or not the packs that the database knows: is its disk mounted?");

    private static async Task<bool> KnowsPacksAsync(IMetadataStore metadata, CancellationToken cancellationToken) =>
        (await metadata.ListPacksAsync(cancellationToken).ConfigureAwait(false)).Any(pack => pack.IndexedBytes > 0);

    /// <summary>Whether the database knows no packs at all, or one of its packs is there.</summary>
    private static async Task<bool> HasAnyPackAsync(IMetadataStore metadata, IBlobStore blobs, CancellationToken cancellationToken)
    {
        var packs = await metadata.ListPacksAsync(cancellationToken).ConfigureAwait(false);
        foreach (var pack in packs.Where(pack => pack.IndexedBytes > 0))
        {
            if (await blobs.GetLengthAsync(pack.Name, cancellationToken).ConfigureAwait(false) is not null)
            {
                return true;
            }
        }

        return !packs.Any(pack => pack.IndexedBytes > 0);
    }

    private async ValueTask<string> FindNameAsync(PackId pack, CancellationToken cancellationToken)
    {
        if (!_names.TryGetValue(pack, out string? name))
        {
            var record = await _metadata.FindPackAsync(pack, cancellationToken).ConfigureAwait(false)
                ?? throw new FileNotFoundException($"There is no pack number {pack}.");
            name = _names.GetOrAdd(pack, record.Name);
        }

        return name;
    }
}
