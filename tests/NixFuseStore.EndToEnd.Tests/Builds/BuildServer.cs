using NixFuseStore.EndToEnd.Tests.Fixtures;
using NixFuseStore.EndToEnd.Tests.NixCommands;

namespace NixFuseStore.EndToEnd.Tests.Builds;

/// <summary>
/// A server whose store holds the tools that builders use, out of the real store, and Nix's own daemon for comparison. A class of tests
/// shares them, because the compiler alone is 200 MB. Every test takes a salt of its own, so that what it builds is new.
/// </summary>
public sealed class BuildServer : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly Lazy<ServerProcess> _server;
    private readonly Lazy<BuildTools> _tools = new(static () => new BuildTools(RealStore.Default));

    private readonly Lazy<StockDaemon> _stock;

    public BuildServer()
    {
        _server = new Lazy<ServerProcess>(Start);
        _stock = new Lazy<StockDaemon>(StartStock);
    }

    /// <summary>The store paths that were pushed. Without a real store the test is skipped.</summary>
    internal BuildTools Tools => _tools.Value;

    /// <summary>Runs and has the tools from the first use on.</summary>
    internal ServerProcess Server => _server.Value;

    /// <summary>The root folder of the store that the installed Nix's daemon serves; it has what builders.nix needs.</summary>
    internal string StockRoot => _stock.Value.Store.Root;

    public void Dispose()
    {
        if (_stock.IsValueCreated)
        {
            _stock.Value.Dispose();
        }

        if (_server.IsValueCreated)
        {
            _server.Value.Dispose();
        }

        _folder.Dispose();
    }

    private ServerProcess Start()
    {
        var tools = Tools;
        var server = new ServerProcess(_folder["server"]);
        try
        {
            server.Start();
            using var client = new ClientHost(_folder["client"], server);
            client.Push(tools.Source, [.. tools.All]);
            return server;
        }
        catch
        {
            server.Dispose();
            throw;
        }
    }

    private StockDaemon StartStock()
    {
        var root = _folder["stock"];
        new NixClient(NixRelease.Open(NixRelease.Bookworm), _folder.Path)
            .Run(root, ["nix", "copy", "--no-check-sigs", "--from", Tools.Source.Root, "--to", root, Tools.Bash, Tools.Coreutils]).Succeeded();
        return new StockDaemon(root);
    }
}
