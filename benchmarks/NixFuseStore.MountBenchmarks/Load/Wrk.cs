using System.Globalization;
using System.Text.RegularExpressions;

namespace NixFuseStore.MountBenchmarks.Load;

/// <summary>wrk, an HTTP load generator, asking for the URLs of a list in turn over connections that stay open.</summary>
internal static partial class Wrk
{
    private const int Seconds = 5;

    private const string Script = """
        local requests, index = {}, 0
        function init(arguments)
          for path in io.lines(arguments[1]) do requests[#requests + 1] = wrk.format("GET", path) end
        end
        function request()
          index = index % #requests + 1
          return requests[index]
        end
        function done(summary)
          local errors = summary.errors
          print(string.format("result %.0f %.0f %.0f %.0f", summary.requests, summary.bytes, summary.duration,
            errors.connect + errors.read + errors.write + errors.status + errors.timeout))
        end
        """;

    /// <summary>Why it cannot be used here, or null.</summary>
    public static string? WhyMissing => Shell.Find("wrk") is null ? "wrk is not installed (Debian: apt-get install wrk)" : null;

    /// <summary>Asks for some seconds.</summary>
    /// <returns>Answers and bytes a second.</returns>
    public static (double Requests, double Bytes) Run(CacheUrls urls, IReadOnlyList<string> paths, int connections, string scratch)
    {
        var script = Path.Combine(scratch, "urls.lua");
        var list = Path.Combine(scratch, "urls");
        File.WriteAllText(script, Script);
        File.WriteAllLines(list, paths);
        var count = connections.ToString(CultureInfo.InvariantCulture);
        var output = Shell.Run("wrk",
            ["-t", "1", "-c", count, "-d", $"{Seconds}s", "-T", "30s", "-s", script, .. urls.Headers.SelectMany(header => new[] { "-H", header }), urls.Origin, "--", list], null);
        var numbers = Result().Match(output).Groups.Values.Skip(1).Select(group => double.Parse(group.Value, CultureInfo.InvariantCulture)).ToArray();
        if (numbers[3] > 0)
        {
            throw new BenchmarkException($"wrk of {urls.Origin}: {numbers[3]} of {numbers[0]} requests failed");
        }

        var seconds = numbers[2] / 1e6;
        return (numbers[0] / seconds, numbers[1] / seconds);
    }

    [GeneratedRegex(@"^result (\d+) (\d+) (\d+) (\d+)", RegexOptions.Multiline)]
    private static partial Regex Result();
}
