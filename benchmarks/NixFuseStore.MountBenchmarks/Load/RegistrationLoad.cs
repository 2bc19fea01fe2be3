using System.Diagnostics;
using System.Globalization;

namespace NixFuseStore.MountBenchmarks.Load;

/// <summary>What many clients register at once, each over a connection of its own that stays open.</summary>
internal sealed class RegistrationLoad
{
    public const int Connections = 16;
    private const int TextBytes = 1000;

    // One text in ten is the same on all connections.
    private const int SharedEvery = 10;
    private readonly IReadOnlyList<IReadOnlyList<Registration>> _byConnection;

    private RegistrationLoad(IReadOnlyList<IReadOnlyList<Registration>> byConnection) => _byConnection = byConnection;

    /// <summary>Operations of all connections together.</summary>
    public int Operations => _byConnection.Sum(connection => connection.Count);

    /// <summary>What the store must hold afterwards.</summary>
    public IReadOnlySet<string> Paths => _byConnection.SelectMany(connection => connection).Select(registration => registration.Path).ToHashSet();

    /// <summary>Texts, each of which refers to the one that its connection registered before, as derivations do.</summary>
    public static RegistrationLoad OfTexts(string name, int each) => Make(connection =>
    {
        List<Registration> made = [];
        string[] references = [];
        for (var i = 0; i < each; i++)
        {
            var text = i % SharedEvery == 0
                ? Registration.OfText($"{name}-shared-{i}", Text($"{name} shared {i}"))
                : Registration.OfText($"{name}-{connection}-{i}", Text($"{name} {connection} {i} {string.Concat(references)}"), references);
            made.Add(text);
            references = [text.Path];
        }

        return made;
    });

    /// <summary>Content-addressed small files.</summary>
    public static RegistrationLoad OfSources(string name, int each) => Make(connection =>
        [.. Enumerable.Range(0, each).Select(i => Registration.OfSource($"{name}-{connection}-{i}", Text($"{name} {connection} {i}")))]);

    /// <summary>Input-addressed paths of one small file.</summary>
    public static RegistrationLoad OfOutputs(string name, int each) => Make(connection =>
        [.. Enumerable.Range(0, each).Select(i => Registration.OfOutput($"{name}-{connection}-{i}", Text($"{name} {connection} {i}")))]);

    /// <summary>Registers everything and returns operations a second, from the first request to the last answer.</summary>
    public double Run(string socket)
    {
        using var start = new Barrier(_byConnection.Count + 1);
        Exception? failure = null;
        var threads = _byConnection.Select(registrations => new Thread(() =>
        {
            try
            {
                using var connection = new WorkerConnection(socket);
                start.SignalAndWait();
                foreach (var registration in registrations)
                {
                    connection.Register(registration);
                }
            }
            catch (Exception error) when (error is IOException or System.Net.Sockets.SocketException or BenchmarkException)
            {
                Interlocked.CompareExchange(ref failure, error, null);
                start.RemoveParticipant();
            }
        })).ToArray();
        foreach (var thread in threads)
        {
            thread.Start();
        }

        start.SignalAndWait();
        var started = Stopwatch.GetTimestamp();
        foreach (var thread in threads)
        {
            thread.Join();
        }

        return failure is null
            ? Operations / Stopwatch.GetElapsedTime(started).TotalSeconds
            : throw new BenchmarkException($"{socket}: {failure.Message}");
    }

    private static RegistrationLoad Make(Func<int, IReadOnlyList<Registration>> connection) =>
        new([.. Enumerable.Range(0, Connections).Select(connection)]);

    private static string Text(string beginning) =>
        string.Create(CultureInfo.InvariantCulture, $"{beginning} ").PadRight(TextBytes, '.') + "\n";
}
