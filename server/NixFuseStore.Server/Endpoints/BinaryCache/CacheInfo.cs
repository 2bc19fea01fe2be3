using System.Text;
using NixFuseStore.Server.Base;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Endpoints.BinaryCache;

/// <summary>The file <c>nix-cache-info</c>.</summary>
internal static class CacheInfo
{
    /// <summary>The file is a few lines; an uploader shall not send more.</summary>
    public const int BytesMax = 4 << 10;

    private const string StoreDirectoryKey = "StoreDir:";

    /// <summary>
    /// Lower numbers are asked first, and cache.nixos.org says 40: a cache in the same house comes before it. Queries for many paths at
    /// once cost this server little.
    /// </summary>
    private const int Priority = 30;

    /// <summary>What the file holds.</summary>
    public static byte[] Print(StoreRecord store) =>
        Encoding.UTF8.GetBytes($"{StoreDirectoryKey} {store.StoreDirectory}\nWantMassQuery: 1\nPriority: {Priority}\n");

    /// <summary>Takes a file that says of the store what it is anyway.</summary>
    /// <exception cref="RejectedRequestException">It says something else.</exception>
    public static void Check(StoreRecord store, string text)
    {
        var directory = text.Split('\n').FirstOrDefault(line => line.StartsWith(StoreDirectoryKey, StringComparison.Ordinal))?[StoreDirectoryKey.Length..].Trim();
        if (directory != store.StoreDirectory)
        {
            throw new RejectedRequestException($"the store directory here is {store.StoreDirectory}, not '{directory}'");
        }
    }
}
