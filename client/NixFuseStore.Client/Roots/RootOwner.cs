using System.Globalization;

namespace NixFuseStore.Client.Roots;

/// <summary>
/// Whose root it is: a user of this host, or of a container on it, where the same user id is someone else and the same path another file.
/// Roots of two owners are two roots, even where they have the same name.
/// </summary>
/// <param name="UserId">The user.</param>
/// <param name="Container">What tells the container from others, such as its mount namespace; null for the host itself.</param>
public readonly record struct RootOwner(uint UserId, string? Container = null)
{
    private const char Separator = '@';

    /// <summary>The host's own root user.</summary>
    public static RootOwner Root => default;

    /// <summary>How the server is told whose a root is: <c>HOST</c> for root, <c>USER@HOST</c> and <c>USER:CONTAINER@HOST</c> for others.</summary>
    internal string On(string host) => this == Root
        ? host
        : string.Create(CultureInfo.InvariantCulture, $"{UserId}{(Container is null ? "" : ":" + Container)}{Separator}{host}");

    /// <summary>Whether what the server was told means an owner on this host.</summary>
    internal static bool IsOn(string host, string owner) => owner == host || owner.EndsWith(Separator + host, StringComparison.Ordinal);
}

/// <summary>The process that asks for a root, as the kernel knows it.</summary>
/// <param name="Owner">Whose the root will be.</param>
/// <param name="ProcessId">Its id here; 0 where it has none.</param>
/// <param name="StartTicks">When it started, clock ticks after boot, so that no other process is taken for it; 0 where unknown.</param>
public readonly record struct RootClient(RootOwner Owner, int ProcessId, ulong StartTicks);
