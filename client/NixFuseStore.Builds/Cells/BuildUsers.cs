using System.Globalization;
using System.Text;

namespace NixFuseStore.Builds.Cells;

/// <summary>
/// The users as which builders run. They exist in cells only, which see user and group files of their own; their numbers are far from those
/// that systems give out, so that a build never runs as a user of the host, whatever users that has.
/// </summary>
internal static class BuildUsers
{
    /// <summary>The name of their group, and the beginning of theirs.</summary>
    internal const string Group = "nixbld";

    /// <summary>"NF" and a number: above the ranges of systemd's containers and of Nix's own auto-allocate-uids.</summary>
    internal const uint FirstId = 0x4E46_0000;

    // As many builds at a time, of all mounts of a host: whose turn it is Nix decides by locks that all cells share.
    private const int Count = 64;

    /// <summary>The lines for <c>/etc/passwd</c>, behind those of the host.</summary>
    internal static string PasswordLines(string host) => Append(
        host,
        Enumerable.Range(0, Count).Select(static i => string.Create(
            CultureInfo.InvariantCulture, $"{Group}{i}:x:{FirstId + i}:{FirstId}:build user:/var/empty:/sbin/nologin")));

    /// <summary>The line for <c>/etc/group</c>, behind those of the host.</summary>
    internal static string GroupLines(string host) => Append(
        host,
        [string.Create(CultureInfo.InvariantCulture, $"{Group}:x:{FirstId}:{string.Join(',', Enumerable.Range(0, Count).Select(static i => $"{Group}{i}"))}")]);

    // Those of the same name, which a host with Nix has, are left out: the first line counts.
    private static string Append(string host, IEnumerable<string> lines)
    {
        var text = new StringBuilder();
        foreach (string line in host.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(static line => !line.StartsWith(Group, StringComparison.Ordinal)).Concat(lines))
        {
            text.Append(line).Append('\n');
        }

        return text.ToString();
    }
}
