using NixFuseStore.EndToEnd.Tests.Fixtures;

namespace NixFuseStore.EndToEnd.Tests.NixCommands;

/// <summary>The table in src/NixFuseStore.Daemon/COMMANDS.md: a row for each command, a column for each release of Nix.</summary>
internal sealed class CommandTable
{
    private const string Introduction = """
        # Nix commands through the socket

        What stock, unmodified Nix does with a mounted store through the daemon socket in it
        (`unix:///DIR/nix/var/nix/daemon-socket/socket?root=DIR`), release by release. Tests run every cell against a real mount and server and compare
        what it did with a local Nix store: NixCommandTests in tests/NixFuseStore.EndToEnd.Tests, which checks this page and, with
        NIXFUSE_TEST_WRITE_COMMANDS=1, writes it.

        TOP and LIB are the outputs of TOP.drv; DEP is what they depend on. A dash stands for a release that lacks the command.

        """;

    /// <summary>An environment variable; where it is 1, the page is written.</summary>
    public const string WriteVariable = "NIXFUSE_TEST_WRITE_COMMANDS";

    private readonly Dictionary<string, Column> _columns = [];

    public static string FilePath { get; } = Path.Combine(Programs.Repository, "src/NixFuseStore.Daemon/COMMANDS.md");

    /// <summary>The columns of the page as it stands; none where there is no page.</summary>
    public static CommandTable Read()
    {
        var table = new CommandTable();
        var rows = (File.Exists(FilePath) ? File.ReadLines(FilePath) : []).Where(line => line.StartsWith('|'))
            .Select(line => line.Trim('|').Split('|', StringSplitOptions.TrimEntries)).ToArray();
        for (var column = 1; rows.Length > 0 && column < rows[0].Length; column++)
        {
            // A heading is "2.8.0 (bookworm)"; the second row only draws a line.
            var heading = rows[0][column].Split(' ');
            table._columns[heading[1].Trim('(', ')')] = new Column(
                heading[0], rows[2..].Select(row => new CommandOutcome(row[0].Trim('`'), row[column])).ToArray());
        }

        return table;
    }

    /// <summary>What the page says of a release.</summary>
    public IReadOnlyList<CommandOutcome> this[NixRelease release] =>
        _columns.TryGetValue(release.Suite, out var column) ? column.Outcomes : [];

    /// <summary>The table with another column for a release.</summary>
    public CommandTable With(NixRelease release, IReadOnlyList<CommandOutcome> outcomes)
    {
        _columns[release.Suite] = new Column(release.Version.ToString(), outcomes);
        return this;
    }

    public void Write()
    {
        var columns = NixRelease.Suites.Select(suite => (string)suite).Where(_columns.ContainsKey)
            .Select(suite => (Heading: $"{_columns[suite].Version} ({suite})", _columns[suite].Outcomes)).ToArray();
        var rows = columns[0].Outcomes.Select((outcome, row) =>
            $"| `{outcome.Title}` | {string.Join(" | ", columns.Select(column => column.Outcomes.ElementAtOrDefault(row)?.Cell.ReplaceLineEndings(" ")))} |");
        File.WriteAllLines(FilePath,
        [
            Introduction,
            $"| Command | {string.Join(" | ", columns.Select(column => column.Heading))} |",
            "|---" + string.Concat(columns.Select(_ => "|---")) + "|",
            .. rows,
        ]);
    }

    private sealed record Column(string Version, IReadOnlyList<CommandOutcome> Outcomes);
}
