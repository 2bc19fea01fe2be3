using FASTER.core;
using NixFuseStore.Cache.Devices;

namespace NixFuseStore.Cache.Log;

/// <summary>A FASTER session with what belongs to it. One thread at a time.</summary>
internal sealed class LogSession(ClientSession<ChunkKey, SpanByte, Empty, Empty, Empty, LogFunctions> session, LogFunctions functions) : IDisposable
{
    public ClientSession<ChunkKey, SpanByte, Empty, Empty, Empty, LogFunctions> Session { get; } = session;

    public LogFunctions Functions { get; } = functions;

    public DeferredReads Reads { get; } = new();

    public void Dispose() => Session.Dispose();
}
