using System.Globalization;

namespace NixFuseStore.Builds.Probe;

/// <summary>What a builder has seen in its sandbox that it should not see.</summary>
/// <param name="Leaks">Each as the end of the sentence "a builder sees …"; none where the sandbox shuts out the host.</param>
internal sealed record ProbeFindings(IReadOnlyList<string> Leaks)
{
    /// <summary>Looks around with nothing but the shell itself. <c>$hidden</c> has a path a line, <c>$newline</c> just that.</summary>
    internal const string Script =
        """
        exec > "$out"
        IFS=$newline
        for path in $hidden; do if [ -e "$path" ]; then echo "host $path"; fi; done
        for path in /nix/store/*; do echo "store $path"; done
        for process in /proc/[0-9]*; do echo "process $process"; done
        while read -r line; do echo "network $line"; done < /proc/net/dev
        while read -r line; do echo "user $line"; done < /proc/self/uid_map
        echo end
        """;

    /// <summary>More than the builder and its children would be others'.</summary>
    private const int ProcessesMax = 5;

    /// <summary>Reads what the script has written.</summary>
    /// <param name="lines">Its lines.</param>
    /// <param name="output">The output's path.</param>
    /// <param name="leastUser">The least number that a build user has on the host.</param>
    /// <exception cref="FormatException">It has not come to its end.</exception>
    internal static ProbeFindings Read(IReadOnlyCollection<string> lines, string output, long leastUser)
    {
        if (lines.Count == 0 || lines.Last() != "end")
        {
            throw new FormatException("what the builder that looks around has written has no end");
        }

        var leaks = new List<string>();
        leaks.AddRange(Of("host").Select(static path => $"the host's {path}"));
        leaks.AddRange(Of("store").Where(path => path != output).Select(static path => $"the store path {path}, which is no input of it"));
        leaks.AddRange(Of("network").Where(static line => line.Contains(':', StringComparison.Ordinal)).Select(static line => line.Split(':')[0].Trim())
            .Where(static name => name != "lo").Select(static name => $"the network interface {name}"));
        if (Of("process").Count() > ProcessesMax)
        {
            leaks.Add("the host's processes");
        }

        // Inside, outside, how many.
        foreach (string map in Of("user"))
        {
            string[] numbers = map.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
            if (numbers.Length != 3 || !long.TryParse(numbers[1], NumberStyles.None, CultureInfo.InvariantCulture, out long outside) || outside < leastUser)
            {
                leaks.Add($"itself as a user of the host ({string.Join(' ', numbers)})");
            }
        }

        return new ProbeFindings(leaks);

        IEnumerable<string> Of(string kind) => lines.Where(line => line.StartsWith(kind + " ", StringComparison.Ordinal)).Select(line => line[(kind.Length + 1)..]);
    }
}
