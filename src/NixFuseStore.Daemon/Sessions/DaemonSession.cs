using NixFuseStore.Daemon.Logging;
using NixFuseStore.Daemon.Protocol;
using NixFuseStore.Daemon.Wire;
using NixFuseStore.Nix;

namespace NixFuseStore.Daemon.Sessions;

/// <summary>One client's conversation, as operations see it. Requests are strictly one after another.</summary>
internal sealed class DaemonSession : IDisposable
{
    // Idle connections hold this much; requests without data fit mostly.
    private const int ReadBytes = 4 * 1024;

    // Stock clients write frames of up to 64 KiB.
    private const int DataBytes = 128 * 1024;

    private WireReader? _dataReader;

    internal DaemonSession(ITransport transport, DaemonServices services, DaemonPeer peer, CancellationToken ended)
    {
        Reader = new WireReader(transport, ReadBytes);
        Writer = new WireWriter(transport);
        Log = new LogChannel(Writer);
        Services = services;
        Peer = peer;
        Ended = ended;
        TemporaryRoots = services.Store.OpenTemporaryRoots();
    }

    /// <summary>Requests.</summary>
    internal WireReader Reader { get; }

    /// <summary>Replies.</summary>
    internal WireWriter Writer { get; }

    /// <summary>What the client hears meanwhile.</summary>
    internal LogChannel Log { get; }

    /// <summary>What all sessions share.</summary>
    internal DaemonServices Services { get; }

    /// <summary>The store.</summary>
    internal IDaemonStore Store => Services.Store;

    /// <summary>Its directory.</summary>
    internal StoreDirectory Directory => Services.Store.Directory;

    /// <summary>The process at the other end.</summary>
    internal DaemonPeer Peer { get; }

    /// <summary>What this client keeps alive as long as it is connected.</summary>
    internal ITemporaryRoots TemporaryRoots { get; }

    /// <summary>Cancelled when the client has gone, or the server ends.</summary>
    internal CancellationToken Ended { get; }

    /// <summary>The minor protocol version of this conversation.</summary>
    internal int Minor { get; set; } = ProtocolNumbers.MinorMax;

    /// <summary>Whether the client may do what needs trust.</summary>
    internal bool IsTrusted { get; set; }

    /// <summary>What the client set.</summary>
    internal ClientSettings Settings { get; set; } = ClientSettings.Default;

    /// <summary>Bulk data of the current request; null where it has none.</summary>
    internal IRequestData? Data { get; private set; }

    /// <summary>Whether the current request's reply has begun, so that an error can no longer be told.</summary>
    internal bool HasReplied { get; private set; }

    /// <summary>Forgets the previous request.</summary>
    internal void BeginRequest()
    {
        Reader.BeginRequest();
        EndRequest();
        HasReplied = false;
    }

    /// <summary>Gives buffers of the request back.</summary>
    internal void EndRequest()
    {
        if (Data is FramedData)
        {
            Reader.Resize(ReadBytes);
        }

        _dataReader?.Dispose();
        _dataReader = null;
        Data = null;
    }

    /// <summary>What follows the request's fields comes in frames.</summary>
    internal WireReader OpenFramed()
    {
        // Frames are not read one by one, but as they come.
        Reader.Resize(DataBytes);
        var framed = new FramedData(Reader);
        Data = framed;
        return _dataReader = new WireReader(framed, DataBytes, "the framed data");
    }

    /// <summary>What follows the request's fields is pulled through the log channel.</summary>
    internal WireReader OpenPulled()
    {
        var pulled = new PulledData(Reader, Log);
        Data = pulled;
        return _dataReader = new WireReader(pulled, DataBytes, "the client's data");
    }

    /// <summary>A bare NAR follows the request's fields.</summary>
    internal WireReader OpenBare()
    {
        Data = new BareData();
        return Reader;
    }

    /// <summary>The NAR that came last has ended.</summary>
    internal void EndNar()
    {
        if (Data is BareData bare)
        {
            bare.IsComplete = true;
        }
    }

    /// <summary>Reads the request to its end, for clients insist that no reply comes before.</summary>
    internal async ValueTask EndDataAsync()
    {
        if (Data is { } data)
        {
            await data.SkipAsync();
        }
    }

    /// <summary>Ends the log; the reply's fields are written next.</summary>
    internal WireWriter Reply()
    {
        Log.Last();
        HasReplied = true;
        return Writer;
    }

    /// <summary>Replies that it is done, for operations that answer 1.</summary>
    internal void ReplyDone() => Reply().Number(1);

    /// <summary>Fails unless the client is trusted.</summary>
    /// <exception cref="DaemonStoreException">It is not.</exception>
    internal void RequireTrust(string what)
    {
        if (!IsTrusted)
        {
            throw new DaemonStoreException($"{what} needs a trusted client, which this one is not (the mount's settings say who is)");
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        EndRequest();
        TemporaryRoots.Dispose();
        Reader.Dispose();
        Writer.Dispose();
    }
}
