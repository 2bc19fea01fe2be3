using System.Net;
using NixFuseStore.Client;
using NixFuseStore.Client.Adding;
using NixFuseStore.Client.Building;
using NixFuseStore.Client.Relations;
using NixFuseStore.Client.Roots;
using NixFuseStore.Client.Server;
using NixFuseStore.Daemon;
using NixFuseStore.Nix;

namespace NixFuseStore.Cli.Daemon;

/// <summary>
/// The store of a mount as the daemon serves it: hands each question to the part of the client library that answers it, and owns those
/// parts that no other part needs.
/// </summary>
internal sealed partial class MountedStore : IDaemonStore, IAsyncDisposable
{
    private readonly StoreReader _reader;
    private readonly StoreWriter _writer;
    private readonly StoreRelations _relations;
    private readonly BuildLogs _logs;
    private readonly Substitutes _substitutes;
    private readonly StoreRoots _roots;
    private readonly TemporaryRoots _temporaryRoots;
    private readonly Action<string> _log;
    private readonly ServerConnection _connection;

    /// <summary>Over a reader, which stays the caller's.</summary>
    /// <param name="connection">The reader's connection.</param>
    /// <param name="reader">The store.</param>
    /// <param name="options">How paths are added.</param>
    /// <param name="log">Told in one line what went wrong behind an answer.</param>
    public MountedStore(ServerConnection connection, StoreReader reader, StoreWriterOptions options, Action<string> log)
    {
        _connection = connection;
        _reader = reader;
        _log = log;
        var host = Dns.GetHostName();
        _relations = new StoreRelations(reader);
        _logs = new BuildLogs(reader);
        _substitutes = new Substitutes(reader);
        _roots = new StoreRoots(reader, host);
        _temporaryRoots = new TemporaryRoots(reader, host, log, TimeProvider.System);
        _writer = new StoreWriter(connection, reader, options with { Prepare = _temporaryRoots.FlushAsync, Keep = Keep });
    }

    /// <inheritdoc/>
    public StoreDirectory Directory => _reader.Directory;

    /// <summary>What waits to be registered.</summary>
    public JournalStatus? Journal => _writer.Journal;

    /// <summary>The hosts that build for the store.</summary>
    /// <param name="announce">Comes back when the mount shows a path.</param>
    public MountedFleet OpenFleet(Func<StorePath, CancellationToken, ValueTask> announce) =>
        new(new BuildCalls(_connection, _reader, _writer), _reader, announce);

    /// <summary>Takes up what an earlier process of this mount acknowledged and did not get registered.</summary>
    public void Recover()
    {
        if (_writer.Recover() is > 0 and var count)
        {
            _log($"{count} paths that were added before are being registered");
        }
    }

    /// <summary>Ends what is under way.</summary>
    public async ValueTask DisposeAsync()
    {
        await _writer.DisposeAsync().ConfigureAwait(false);
        await _temporaryRoots.DisposeAsync().ConfigureAwait(false);
    }

    private HeldRoots Keep(StorePath path)
    {
        var roots = _temporaryRoots.Open();
        roots.Add(path);
        return roots;
    }
}
