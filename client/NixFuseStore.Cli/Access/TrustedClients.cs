using System.Globalization;
using NixFuseStore.Daemon;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Cli.Access;

/// <summary>
/// Which clients of the daemon socket are trusted Nix users: they may add paths that nothing proves, and the server then signs those for
/// everyone who uses the store. By default root and the user who mounted, and only where they live in the mount's own user and pid
/// namespaces: root of most containers has the user id 0 as well.
/// </summary>
/// <remarks>
/// The setting is a list of <c>NAME</c> (a user), <c>@NAME</c> (a group), <c>containers</c> (users of other namespaces count by their user id,
/// too), <c>*</c> (every client) and <c>none</c> (not even root).
/// </remarks>
internal sealed class TrustedClients
{
    public const string Containers = "containers";
    public const string Everyone = "*";
    public const string None = "none";

    private readonly HashSet<uint> _users;
    private readonly HashSet<uint> _groups = [];
    private bool _includesContainers;
    private bool _includesEveryone;

    private TrustedClients(IEnumerable<uint> users) => _users = [.. users];

    /// <summary>Reads the setting.</summary>
    /// <param name="names">The list; empty for the default.</param>
    /// <param name="mountingUser">The user who mounts.</param>
    /// <exception cref="FormatException">There is no user or group of a name.</exception>
    public static TrustedClients Parse(IReadOnlyCollection<string> names, uint mountingUser)
    {
        if (names.Contains(None))
        {
            return names.Count == 1 ? new TrustedClients([]) : throw new FormatException($"'{None}' stands alone: it excludes every other name");
        }

        var clients = new TrustedClients([0, mountingUser]);
        foreach (var name in names)
        {
            clients.Add(name);
        }

        return clients;
    }

    /// <summary>Whether a client is trusted. The answer holds for its connection: ids are those it had when it connected.</summary>
    public bool Trusts(DaemonPeer peer) =>
        _includesEveryone
        || ((peer.SharesNamespaces || _includesContainers)
            && (_users.Contains(peer.UserId) || _groups.Contains(peer.GroupId) || peer.Groups.Any(_groups.Contains)));

    private void Add(string name)
    {
        switch (name)
        {
            case Containers:
                _includesContainers = true;
                break;
            case Everyone:
                _includesEveryone = true;
                break;
            case ['@', .. var group]:
                _groups.Add(Find(group, Libc.FindGroupId) ?? throw new FormatException($"there is no group '{group}'"));
                break;
            default:
                _users.Add(Find(name, Libc.FindUserId) ?? throw new FormatException($"there is no user '{name}' (a group is written @{name})"));
                break;
        }
    }

    private static uint? Find(string name, Func<string, uint?> byName) =>
        uint.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? id : name.Length > 0 ? byName(name) : null;
}
