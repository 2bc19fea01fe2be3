namespace NixFuseStore.MountBenchmarks;

/// <summary>Repeats measurements: the machines are shared and noisy, so the middle one counts.</summary>
internal static class Median
{
    public static double Of(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        var middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    /// <summary>Measures two things in turn, so that a noisy moment meets both.</summary>
    public static (double Ours, double Peer) OfPair(int repeats, Func<double> ours, Func<double> peer)
    {
        List<double> a = [], b = [];
        for (var i = 0; i < repeats; i++)
        {
            a.Add(ours());
            b.Add(peer());
        }

        return (Of(a), Of(b));
    }
}
