using System.Buffers;
using NixFuseStore.Daemon.Wire;

namespace NixFuseStore.Daemon.Tests.Clients;

/// <summary>A client that sends what it was given, in pieces of at most so many bytes, then hangs up; what it is sent is kept.</summary>
internal sealed class ScriptedTransport(ReadOnlyMemory<byte> requests, int pieceBytes = int.MaxValue) : ITransport
{
    private readonly ArrayBufferWriter<byte> _sent = new();
    private ReadOnlyMemory<byte> _requests = requests;

    public bool IsIdle { get; set; }

    public byte[] Sent => _sent.WrittenSpan.ToArray();

    public ValueTask<int> ReadAsync(Memory<byte> destination)
    {
        Assert.True(destination.Length > 0, "the server reads into an empty buffer");
        int length = Math.Min(Math.Min(destination.Length, pieceBytes), _requests.Length);
        _requests[..length].CopyTo(destination);
        _requests = _requests[length..];
        return new(length);
    }

    public ValueTask WriteAsync(ReadOnlyMemory<byte> bytes)
    {
        _sent.Write(bytes.Span);
        return default;
    }
}
