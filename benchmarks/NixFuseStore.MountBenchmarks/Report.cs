using System.Globalization;
using System.Text.Json;

namespace NixFuseStore.MountBenchmarks;

/// <summary>Collects figures, prints them as a table, and writes them as JSON.</summary>
internal sealed class Report
{
    private readonly List<Figure> _figures = [];
    private readonly List<Omission> _skipped = [];

    /// <summary>Adds a figure. A ratio of ours to the peer's is held against its level in the direction that it names.</summary>
    public void Add(string group, string name, string unit, double ours, string peerName, double peer, Level? level = null)
    {
        var figure = new Figure(group, name, unit, ours, peerName, peer, level);
        _figures.Add(figure);
        Console.WriteLine(figure.Line());
    }

    /// <summary>Says that a measurement does not take place, and why.</summary>
    public void Skip(string group, string name, string why)
    {
        var omission = new Omission(group, name, why);
        _skipped.Add(omission);
        Console.WriteLine(omission.Line());
    }

    public void Write(string jsonFile)
    {
        Console.WriteLine();
        Console.WriteLine(Figure.Heading);
        foreach (var figure in _figures)
        {
            Console.WriteLine(figure.Line());
        }

        foreach (var omission in _skipped)
        {
            Console.WriteLine(omission.Line());
        }

        var missed = _figures.Count(f => f.Held == false);
        Console.WriteLine($"{_figures.Count(f => f.Held == true)} levels held, {missed} missed");
        if (jsonFile.Length > 0)
        {
            IEnumerable<object> rows =
            [
                .. _figures.Select(f => new
                {
                    group = f.Group, name = f.Name, unit = f.Unit, ours = f.Ours, peer_name = f.PeerName, peer = f.Peer,
                    ratio = f.Ratio, level = f.Level?.ToString(), held = f.Held,
                }),
                .. _skipped.Select(omission => new { group = omission.Group, name = omission.Name, skipped = omission.Why }),
            ];
            File.WriteAllText(jsonFile, JsonSerializer.Serialize(rows, JsonOptions));
        }
    }

    private static readonly JsonSerializerOptions JsonOptions = new() { WriteIndented = true };

    /// <summary>The bound that the ratio ours/peer (or ours alone, where there is no peer) has to keep.</summary>
    public sealed record Level(double Bound, bool AtMost)
    {
        public override string ToString() => (AtMost ? "<= " : ">= ") + Bound.ToString("0.###", CultureInfo.InvariantCulture);
    }

    private sealed record Figure(string Group, string Name, string Unit, double Ours, string PeerName, double Peer, Level? Level)
    {
        public const string Heading = "group        what                                          ours        peer                     ratio   level";

        public double Ratio => Peer == 0 ? Ours : Ours / Peer;

        public bool? Held => Level is null ? null : Level.AtMost ? Ratio <= Level.Bound : Ratio >= Level.Bound;

        public string Line() => string.Create(
            CultureInfo.InvariantCulture,
            $"{Group,-12} {Name,-42} {Format(Ours),9} {Unit,-6} {Format(Peer),9} {PeerName,-14} {Format(Ratio),7}  {Level,-8} {(Held is null ? "" : Held.Value ? "held" : "MISSED")}");

        private static string Format(double value) => value.ToString(
            Math.Abs(value) >= 1000 ? "0" : Math.Abs(value) >= 10 ? "0.0" : "0.000", CultureInfo.InvariantCulture);
    }

    private sealed record Omission(string Group, string Name, string Why)
    {
        public string Line() => $"{Group,-12} {Name,-42} skipped: {Why}";
    }
}
