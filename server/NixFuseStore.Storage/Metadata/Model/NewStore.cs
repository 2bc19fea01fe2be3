namespace NixFuseStore.Storage.Metadata;

/// <summary>What a store is created with.</summary>
/// <param name="Name">1 to 100 characters out of letters, digits, dot, dash and underscore.</param>
/// <param name="StoreDirectory">An absolute path without a slash at its end.</param>
/// <param name="ChunkingParameters">Id of the frozen chunking parameters that new manifests shall use.</param>
/// <param name="SecretKey">The first signing key in Nix's form, <c>name:base64</c>.</param>
/// <param name="PublicKey">Its public half, <c>name:base64</c>.</param>
public sealed record NewStore(string Name, string StoreDirectory, int ChunkingParameters, string SecretKey, string PublicKey);
