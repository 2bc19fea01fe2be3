namespace NixFuseStore.Builds.Cells;

/// <summary>
/// Where this process may make control groups for a controller: below its own one, so that limits of its service or container count, too.
/// </summary>
/// <param name="Directory">The parent's directory.</param>
/// <param name="IsUnified">Whether it is of cgroup v2; else of v1.</param>
/// <remarks>proc(5), cgroups(7): a line of mountinfo ends with type, source and options behind a dash; its fourth field is the group that is mounted.</remarks>
internal sealed record ControlGroupTree(string Directory, bool IsUnified)
{
    private const string UnifiedType = "cgroup2";

    /// <summary>Those that may have the controller, the likeliest first.</summary>
    /// <param name="controller">Such as <c>memory</c>.</param>
    /// <param name="mounts">The text of <c>/proc/self/mountinfo</c>.</param>
    /// <param name="groups">The text of <c>/proc/self/cgroup</c>.</param>
    internal static IEnumerable<ControlGroupTree> Find(string controller, string mounts, string groups)
    {
        foreach (string line in mounts.Split('\n'))
        {
            string[] fields = line.Split(' ');
            int dash = Array.IndexOf(fields, "-");
            if (dash < 5 || fields.Length < dash + 4)
            {
                continue;
            }

            var (root, point, type) = (fields[3], fields[4], fields[dash + 1]);
            bool isUnified = type == UnifiedType;
            if (!isUnified && (type != "cgroup" || !fields[dash + 3].Split(',').Contains(controller)))
            {
                continue;
            }

            string own = OwnGroup(groups, isUnified ? "" : controller);
            string below = root == "/" ? own : own.StartsWith(root + "/", StringComparison.Ordinal) ? own[root.Length..] : "/";
            yield return new ControlGroupTree(Path.Join(point, below).TrimEnd('/'), isUnified);

            // In v2 a group with processes has no groups with controllers below it; those above it have.
            for (string parent = below; isUnified && parent.Trim('/').Length > 0;)
            {
                parent = parent[..parent.LastIndexOf('/')];
                yield return new ControlGroupTree(Path.Join(point, parent).TrimEnd('/'), isUnified);
            }
        }
    }

    // Lines are NUMBER:CONTROLLERS:PATH; v2 names none.
    private static string OwnGroup(string groups, string controller)
    {
        foreach (string line in groups.Split('\n'))
        {
            if (line.Split(':', 3) is [_, var controllers, var path] && controllers.Split(',').Contains(controller))
            {
                return path;
            }
        }

        return "/";
    }
}
