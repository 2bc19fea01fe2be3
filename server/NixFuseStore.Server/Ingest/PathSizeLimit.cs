using System.Collections.Concurrent;
using System.Globalization;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Ingest;

/// <summary>
/// How many bytes the NAR of one path may have in a store. A small file can unpack to anything, so this ends what would fill the disk. Read
/// again every few seconds. Calls may overlap.
/// </summary>
internal sealed class PathSizeLimit(IStoreTextCatalog texts, TimeProvider time)
{
    /// <summary>What the setting is kept under.</summary>
    public const string Setting = "max-path-size";

    /// <summary>Of a store that was told nothing; several times the largest path of Nixpkgs.</summary>
    public const long DefaultBytes = 32L << 30;

    private static readonly TimeSpan RememberedFor = TimeSpan.FromSeconds(3);

    private readonly ConcurrentDictionary<StoreId, (long Since, ulong Bytes)> _known = new();

    /// <summary>Bytes of a NAR at most.</summary>
    public async ValueTask<ulong> GetAsync(StoreRecord store, CancellationToken cancellation)
    {
        if (_known.TryGetValue(store.Id, out var known) && time.GetElapsedTime(known.Since) < RememberedFor)
        {
            return known.Bytes;
        }

        var bytes = Parse(await texts.FindTextAsync(store.Id, Setting, cancellation).ConfigureAwait(false));
        _known[store.Id] = (time.GetTimestamp(), bytes);
        return bytes;
    }

    /// <summary>What the setting says; the default where there is none.</summary>
    public static ulong Parse(string? text) => ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var bytes) ? bytes : DefaultBytes;
}
