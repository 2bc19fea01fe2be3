using System.Net.Sockets;

namespace NixFuseStore.MountBenchmarks.Load;

/// <summary>A client of Nix's worker protocol, version 1.34 (that of Nix 2.8), that registers paths.</summary>
internal sealed class WorkerConnection : IDisposable
{
    private const ulong ClientMagic = 0x6e697863; // WORKER_MAGIC_1
    private const ulong ServerMagic = 0x6478696f; // WORKER_MAGIC_2
    private const ulong Version = 0x122;
    private const ulong SetOptions = 19;
    private const int TimeoutMilliseconds = 120_000;
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
    {
        ReceiveTimeout = TimeoutMilliseconds,
        SendTimeout = TimeoutMilliseconds,
    };

    private readonly WireReader _replies;

    /// <summary>Connects and shakes hands; asks for no log messages but errors.</summary>
    public WorkerConnection(string socketPath)
    {
        _socket.Connect(new UnixDomainSocketEndPoint(socketPath));
        _replies = new WireReader(new BufferedStream(new NetworkStream(_socket, ownsSocket: false)));
        Send(new WireWriter().Number(ClientMagic));
        if (_replies.Number() != ServerMagic || _replies.Number() < Version)
        {
            throw new BenchmarkException($"{socketPath}: what listens there is no Nix daemon of protocol 1.34 or later");
        }

        // No CPU affinity, no space reserved; the daemon's version follows, and nothing of trust below 1.35.
        Send(new WireWriter().Number(Version).Number(0).Number(0));
        _replies.Text();
        _replies.ToResponse();

        // keepFailed, keepGoing, tryFallback, verbosity, maxBuildJobs, maxSilentTime, useBuildHook, verboseBuild, logType,
        // printBuildTrace, buildCores, useSubstitutes, and no overrides.
        var options = new WireWriter().Number(SetOptions);
        foreach (ulong value in (ReadOnlySpan<ulong>)[0, 0, 0, 0, 1, 0, 1, 7, 0, 0, 1, 0, 0])
        {
            options.Number(value);
        }

        Send(options);
        _replies.ToResponse();
    }

    /// <summary>Registers a path and returns when the daemon has answered.</summary>
    public void Register(Registration registration)
    {
        _socket.Send(registration.Request);
        _replies.ToResponse();
        if (registration.IsAnsweredByPath && _replies.ValidPath() is var path && path != registration.Path)
        {
            throw new BenchmarkException($"the daemon registered {path}, not {registration.Path}");
        }
    }

    public void Dispose() => _socket.Dispose();

    private void Send(WireWriter request) => _socket.Send(request.ToArray());
}
