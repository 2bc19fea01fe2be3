using System.Text.RegularExpressions;

namespace NixFuseStore.Architecture.Tests;

/// <summary>
/// A project's <c>ARCHITECTURE.md</c>: a line for each folder, the same that a reader reads.
/// <code>
/// - `Paths` holds what is known of store paths; may use `Server`, `Base`.
/// - `Base` holds what all use; uses none.
/// </code>
/// "." is the project's own folder. Where a folder has none, the line of the one above it is meant.
/// </summary>
internal sealed partial class ArchitecturePage
{
    /// <summary>The name of such a page.</summary>
    internal const string FileName = "ARCHITECTURE.md";

    private readonly SortedDictionary<string, string[]> _folders = new(StringComparer.Ordinal);

    private ArchitecturePage()
    {
    }

    /// <exception cref="FormatException">A line about a folder is not as above, or a folder has two.</exception>
    internal static ArchitecturePage Parse(string text)
    {
        var page = new ArchitecturePage();
        foreach (var line in Statements(text))
        {
            var match = FolderLine().Match(line);
            if (!match.Success)
            {
                throw new FormatException($"not \"- `Folder` holds …; may use `Other`, `Third`.\" or \"…; uses none.\": {line}");
            }

            var allowed = NameInTicks().Matches(match.Groups["used"].Value).Select(static name => name.Groups[1].Value).ToArray();
            if (!page._folders.TryAdd(match.Groups["folder"].Value, allowed))
            {
                throw new FormatException($"two lines about {match.Groups["folder"].Value}");
            }
        }

        return page;
    }

    /// <summary>What is wrong with the code, the page, or both; a line each.</summary>
    internal IEnumerable<string> Compare(ProjectCode code)
    {
        foreach (var folder in code.Folders.Where(folder => Home(folder) is null))
        {
            yield return $"no line about {folder}";
        }

        foreach (var folder in _folders.Keys.Where(folder => !code.Folders.Any(known => known == folder || known.StartsWith(folder + "/", StringComparison.Ordinal))))
        {
            yield return $"a line about {folder}, which has no code";
        }

        foreach (var name in _folders.SelectMany(static line => line.Value).Where(name => !_folders.ContainsKey(name)).Distinct())
        {
            yield return $"{name} is allowed to be used, and has no line";
        }

        var uses = code.Uses
            .Select(use => (From: Home(use.From), To: Home(use.To), Use: use))
            .Where(static use => use.From is not null && use.To is not null && use.From != use.To)
            .ToLookup(static use => (use.From, use.To), static use => use.Use);
        foreach (var group in uses.Where(group => !_folders[group.Key.From!].Contains(group.Key.To)))
        {
            var examples = group.OrderBy(static use => use.User, StringComparer.Ordinal).Take(3).Select(static use => $"{use.User} uses {use.Used}");
            yield return $"{group.Key.From} may not use {group.Key.To}, and does {group.Count()} times: {string.Join("; ", examples)}";
        }

        foreach (var (folder, allowed) in _folders)
        {
            foreach (var name in allowed.Where(name => !uses.Contains((folder, name))))
            {
                yield return $"{folder} may use {name}, and does not";
            }
        }

        foreach (var circle in Circles())
        {
            yield return $"a circle: {circle}";
        }
    }

    /// <summary>The circles among what is allowed, such as "A, B, A"; each folder in one of them at most.</summary>
    internal IEnumerable<string> Circles()
    {
        var done = new HashSet<string>(StringComparer.Ordinal);
        foreach (var folder in _folders.Keys)
        {
            var trail = new List<string>();
            if (FindCircle(folder, trail, done))
            {
                yield return string.Join(", ", trail[trail.IndexOf(trail[^1])..]);
            }
        }
    }

    private bool FindCircle(string folder, List<string> trail, HashSet<string> done)
    {
        var seen = trail.Contains(folder);
        trail.Add(folder);
        if (seen)
        {
            done.UnionWith(trail);
            return true;
        }

        if (!done.Contains(folder))
        {
            foreach (var next in _folders.GetValueOrDefault(folder, []))
            {
                if (FindCircle(next, trail, done))
                {
                    return true;
                }
            }

            done.Add(folder);
        }

        trail.RemoveAt(trail.Count - 1);
        return false;
    }

    private string? Home(string folder)
    {
        for (var name = folder; name is { Length: > 0 }; name = Path.GetDirectoryName(name))
        {
            if (_folders.ContainsKey(name))
            {
                return name;
            }
        }

        return null;
    }

    // A line may be broken, its rest indented.
    private static IEnumerable<string> Statements(string text) => ListItem().Matches(text).Select(static match => LineBreak().Replace(match.Value.Trim(), " "));

    [GeneratedRegex(@"^- `[^\n]*(?:\n  [^\n]*)*", RegexOptions.Multiline)]
    private static partial Regex ListItem();

    [GeneratedRegex(@"\s*\n\s*")]
    private static partial Regex LineBreak();

    [GeneratedRegex(@"^- `(?<folder>[A-Za-z/.]+)` holds .*; (?:may use (?<used>`[A-Za-z/.]+`(?:, `[A-Za-z/.]+`)*)|uses none)\.$")]
    private static partial Regex FolderLine();

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex NameInTicks();
}
