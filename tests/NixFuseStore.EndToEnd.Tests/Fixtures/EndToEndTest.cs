namespace NixFuseStore.EndToEnd.Tests.Fixtures;

/// <summary>What every whole-system test has: a folder that goes with it, and things that are ended in reverse order.</summary>
public abstract class EndToEndTest : IDisposable
{
    private readonly Stack<IDisposable> _things = new();
    private readonly TemporaryFolder _folder;

    /// <summary>Skips the test where the machine lacks what every mount needs.</summary>
    protected EndToEndTest()
    {
        Programs.RequireRootAndFuse();
        _folder = Own(new TemporaryFolder());
        Scratch = Directory.CreateDirectory(_folder["scratch"]).FullName;
    }

    internal string Scratch { get; }

    internal string Folder => _folder.Path;

    /// <inheritdoc/>
    public void Dispose()
    {
        while (_things.TryPop(out var thing))
        {
            thing.Dispose();
        }

        GC.SuppressFinalize(this);
    }

    internal T Own<T>(T thing)
        where T : IDisposable
    {
        _things.Push(thing);
        return thing;
    }

    /// <summary>A running server on loopback with the embedded defaults.</summary>
    internal ServerProcess StartServer() => Own(new ServerProcess(_folder["server"])).Start();

    internal ClientHost NewClient(ServerProcess server, string name = "client", IReadOnlyList<string>? entering = null, string mountName = "mnt") =>
        Own(new ClientHost(Directory.CreateDirectory(_folder[name]).FullName, server, entering, mountName));
}
