using NixFuseStore.Protocol;
using NixFuseStore.Server.Access;

namespace NixFuseStore.Server.Registration;

/// <summary>Paths of one caller.</summary>
/// <param name="Principal">Who submits them, and stands for them in the log.</param>
/// <param name="Paths">The paths.</param>
internal sealed record SubmittedBatch(Principal Principal, IReadOnlyList<NewPath> Paths);
