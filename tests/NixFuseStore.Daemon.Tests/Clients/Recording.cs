namespace NixFuseStore.Daemon.Tests.Clients;

/// <summary>A recorded conversation: what each side sent, in turn.</summary>
internal sealed record Recording(IReadOnlyList<(bool FromClient, byte[] Bytes)> ConcurrencyLimiter)
{
    internal byte[] FromClient => [.. ConcurrencyLimiter.Where(turn => turn.FromClient).SelectMany(turn => turn.Bytes)];

    internal byte[] FromServer => [.. ConcurrencyLimiter.Where(turn => !turn.FromClient).SelectMany(turn => turn.Bytes)];

    internal static Recording Load(string name)
    {
        var turns = new List<(bool FromClient, byte[] Bytes)>();
        foreach (string line in File.ReadLines(Path.Join(AppContext.BaseDirectory, "TestVectors", name)))
        {
            if (line.StartsWith("C>S", StringComparison.Ordinal) || line.StartsWith("S>C", StringComparison.Ordinal))
            {
                turns.Add((line[0] == 'C', []));
            }
            else if (line.Length > 0 && line[0] != '#')
            {
                turns[^1] = (turns[^1].FromClient, [.. turns[^1].Bytes, .. Convert.FromHexString(line.Trim())]);
            }
        }

        return new Recording(turns);
    }
}
