using System.Net.Sockets;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Daemon.Wire;

/// <summary>
/// A connected socket, with limits on how long it may keep this process waiting. The limits are times that <see cref="Watch"/>
/// compares, so that requests start no timers.
/// </summary>
internal sealed class SocketTransport(Socket socket, DaemonOptions options) : ITransport, IDisposable
{
    private const long Never = long.MaxValue;

    private readonly long _requestTimeout = InTicks(options.RequestTimeout, options);
    private readonly long _writeTimeout = InTicks(options.WriteTimeout, options);
    private long _readDeadline = Never;
    private long _writeDeadline = Never;
    private long _handshakeDeadline = options.Clock.GetTimestamp() + InTicks(options.HandshakeTimeout, options);
    private long _idleSince = options.Clock.GetTimestamp();
    private volatile bool _idle;

    /// <inheritdoc/>
    public bool IsIdle
    {
        set
        {
            _idle = value;
            if (value)
            {
                Volatile.Write(ref _idleSince, options.Clock.GetTimestamp());
                Volatile.Write(ref _handshakeDeadline, Never);
            }
        }
    }

    /// <summary>Since when the client asks for nothing: between two requests, or because it never said who it is. Null while a request is under way.</summary>
    internal long? IdleSince => _idle || Volatile.Read(ref _handshakeDeadline) != Never ? Volatile.Read(ref _idleSince) : null;

    /// <inheritdoc/>
    public async ValueTask<int> ReadAsync(Memory<byte> destination)
    {
        try
        {
            Volatile.Write(ref _readDeadline, _idle ? Never : options.Clock.GetTimestamp() + _requestTimeout);
            return await socket.ReceiveAsync(destination, SocketFlags.None);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            throw new ConnectionEndedException("reading from the client failed", e);
        }
        finally
        {
            Volatile.Write(ref _readDeadline, Never);
        }
    }

    /// <inheritdoc/>
    public async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            while (!bytes.IsEmpty)
            {
                Volatile.Write(ref _writeDeadline, options.Clock.GetTimestamp() + _writeTimeout);
                bytes = bytes[await socket.SendAsync(bytes, SocketFlags.None)..];
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            throw new ConnectionEndedException("writing to the client failed", e);
        }
        finally
        {
            Volatile.Write(ref _writeDeadline, Never);
        }
    }

    /// <summary>Whether the connection is to be ended: the client has gone, or a limit is over. Called from outside, again and again.</summary>
    internal bool Watch()
    {
        long now = options.Clock.GetTimestamp();
        return now > Volatile.Read(ref _readDeadline)
            || now > Volatile.Read(ref _writeDeadline)
            || now > Volatile.Read(ref _handshakeDeadline)
            || (!_idle && Libc.HasPeerGone(socket.SafeHandle));
    }

    /// <inheritdoc/>
    public void Dispose() => socket.Dispose();

    private static long InTicks(TimeSpan time, DaemonOptions options) => (long)(time.TotalSeconds * options.Clock.TimestampFrequency);
}
