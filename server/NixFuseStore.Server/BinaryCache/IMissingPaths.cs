using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.BinaryCache;

/// <summary>Brings paths that are not valid here from elsewhere. Calls may overlap.</summary>
internal interface IMissingPaths
{
    /// <summary>Makes a path valid, with all that it refers to, if it can be had.</summary>
    /// <returns>Null where it is valid now; else why it is not, or an empty text where there is nobody to ask.</returns>
    Task<string?> BringAsync(StoreRecord store, string hashPart, CancellationToken cancellation);
}
