using System.Runtime.InteropServices;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Supervisor.Messages;

/// <summary>One end of the socket between a supervisor and its worker. Sending: any thread. Receiving: one at a time.</summary>
/// <param name="socket">Owned by the channel.</param>
internal sealed class MessageChannel(SafeFileHandle socket) : IDisposable
{
    private const int MessageBytesMax = 64 << 10;

    private readonly byte[] _buffer = new byte[MessageBytesMax];

    /// <summary>The socket, to wait for messages.</summary>
    public SafeFileHandle Socket => socket;

    /// <summary>Sends a message. Never waits.</summary>
    /// <returns>False where the other end has gone, or does not take messages any more.</returns>
    public bool TrySend(SupervisorMessage message, params ReadOnlySpan<SafeHandle> files)
    {
        try
        {
            return Libc.SendMessage(socket, JsonSerializer.SerializeToUtf8Bytes(message, MessageJson.Default.SupervisorMessage), files) == Errno.None;
        }
        catch (ObjectDisposedException)
        {
            return false;
        }
    }

    /// <summary>Waits for the next message; null where the other end has gone.</summary>
    /// <param name="files">Gets the open files that came with it.</param>
    /// <exception cref="InvalidDataException">It is of another version, or none at all.</exception>
    public SupervisorMessage? Receive(List<SafeFileHandle> files)
    {
        var error = Libc.ReceiveMessage(socket, _buffer, files, out var bytes);
        if (error is not Errno.None and not Errno.EMSGSIZE || bytes == 0)
        {
            return null;
        }

        try
        {
            if (error == Errno.None && JsonSerializer.Deserialize(_buffer.AsSpan(0, bytes), MessageJson.Default.SupervisorMessage) is { } message)
            {
                return message.Version == SupervisorMessage.CurrentVersion
                    ? message
                    : throw new InvalidDataException($"the other process speaks version {message.Version} of the supervisor's messages, and this one {SupervisorMessage.CurrentVersion}");
            }
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"the other process sent no message of a supervisor: {e.Message}", e);
        }

        throw new InvalidDataException("the other process sent no message of a supervisor");
    }

    /// <inheritdoc/>
    public void Dispose() => socket.Dispose();
}
