using NixFuseStore.Content;
using NixFuseStore.Nix;
using NixFuseStore.Server.Base;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Hosting;

/// <summary>Makes stores.</summary>
internal static class StoreCreation
{
    /// <summary>The store of a server that has none yet.</summary>
    public const string DefaultName = "main";

    /// <summary>Makes a store with a new key.</summary>
    /// <exception cref="ServerException">The name is taken or none, or the directory is none.</exception>
    public static async Task<StoreRecord> CreateAsync(IMetadataStore metadata, string name, string directory, CancellationToken cancellation) =>
        await TryCreateAsync(metadata, name, directory, cancellation).ConfigureAwait(false)
            ?? throw new ServerException($"there is a store '{name}' already");

    /// <summary>Makes the store <c>main</c> where there is no store at all.</summary>
    public static async Task EnsureAnyAsync(IMetadataStore metadata, CancellationToken cancellation)
    {
        if ((await metadata.ListStoresAsync(cancellation).ConfigureAwait(false)).Count == 0)
        {
            // Null where another server was quicker, which is as good.
            await TryCreateAsync(metadata, DefaultName, StoreDirectory.Default.Path, cancellation).ConfigureAwait(false);
        }
    }

    private static async Task<StoreRecord?> TryCreateAsync(IMetadataStore metadata, string name, string directory, CancellationToken cancellation)
    {
        if (!StoreName.IsValid(name))
        {
            throw new ServerException($"'{name}' cannot be the name of a store: {StoreName.Rule}");
        }

        StoreDirectory parsed;
        try
        {
            parsed = new StoreDirectory(directory);
        }
        catch (Exception e) when (e is ArgumentException or FormatException)
        {
            throw new ServerException($"'{directory}' cannot be a store directory: {e.Message}", e);
        }

        // The number tells the keys of a store apart once they are rotated.
        var key = NixSecretKey.Generate($"{name}-1");
        var store = new NewStore(name, parsed.Path, (int)ChunkingParameters.Current.Id, key.ToSecretText(), key.PublicKey.ToString());
        return await metadata.CreateStoreAsync(store, cancellation).ConfigureAwait(false);
    }
}
