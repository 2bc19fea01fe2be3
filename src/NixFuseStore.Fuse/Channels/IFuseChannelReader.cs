namespace NixFuseStore.Fuse.Channels;

/// <summary>One thread's way to take requests from a channel.</summary>
public interface IFuseChannelReader : IDisposable
{
    /// <summary>Waits for a request and copies it into <paramref name="buffer"/>.</summary>
    /// <param name="buffer">At least 8 KiB.</param>
    /// <param name="bytes">Length of the request; 0 unless the outcome is <see cref="FuseReadOutcome.Request"/>.</param>
    /// <exception cref="Native.Linux.LinuxException">The line is broken in an unexpected way.</exception>
    FuseReadOutcome Read(Span<byte> buffer, out int bytes);
}
