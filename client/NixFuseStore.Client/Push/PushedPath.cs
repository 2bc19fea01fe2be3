using NixFuseStore.Nix;

namespace NixFuseStore.Client.Push;

/// <summary>The outcome of one path.</summary>
/// <param name="Path">The path.</param>
/// <param name="Outcome">What became of it.</param>
/// <param name="Message">For conflicts (both NAR hashes) and failures: one line for a person; otherwise empty.</param>
public sealed record PushedPath(StorePath Path, PushOutcome Outcome, string Message);
