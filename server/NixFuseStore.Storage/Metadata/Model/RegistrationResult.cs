using NixFuseStore.Content;
using NixFuseStore.Nix;

namespace NixFuseStore.Storage.Metadata;

/// <summary>The answer for one path of a registration.</summary>
/// <param name="Outcome">What became of it.</param>
/// <param name="Path">As it is registered now; null for the two missing outcomes, and for one that was removed.</param>
/// <param name="MissingChunks">Distinct; empty but for <see cref="RegistrationOutcome.MissingChunks"/>.</param>
/// <param name="MissingReferences">Empty but for <see cref="RegistrationOutcome.MissingReferences"/>.</param>
public sealed record RegistrationResult(
    RegistrationOutcome Outcome, StoredPath? Path, IReadOnlyList<ChunkId> MissingChunks, IReadOnlyList<StorePath> MissingReferences);
