using NixFuseStore.Nix;

namespace NixFuseStore.Client.Roots;

/// <summary>What keeps a path alive.</summary>
/// <param name="Kind">For how long, roughly.</param>
/// <param name="Host">Whose it is: a host's name for its root user, <c>USER@HOST</c> for others.</param>
/// <param name="Link">Absolute path of the link on that host, a name, or <c>{temp:SESSION}</c>.</param>
/// <param name="Target">The path, valid or not.</param>
/// <param name="HasLease">Whether it runs out unless it is set again.</param>
public sealed record StoreRoot(StoreRootKind Kind, string Host, string Link, StorePath Target, bool HasLease);
