using NixFuseStore.Native.Linux;

namespace NixFuseStore.Fuse.Channels;

/// <summary>
/// The two-way line to the kernel: requests come in whole, answers and notifications go out whole. Answers must leave by
/// the channel that their request came from. All members may be called from any thread, several at once.
/// </summary>
public interface IFuseChannel : IDisposable
{
    /// <summary>Makes a reader for the calling thread, which alone may use and must dispose it.</summary>
    IFuseChannelReader OpenReader();

    /// <summary>Sends one message: header first, then its body in pieces. The memory is free again on return.</summary>
    /// <returns>
    /// None; for an answer ENOENT when the kernel has given up the request; for a notification what the kernel has to say
    /// about it; ENODEV or ENOTCONN when the line is down.
    /// </returns>
    Errno Write(ReadOnlySpan<IoVector> message);

    /// <summary>Ends every present and future <see cref="IFuseChannelReader.Read"/> with <see cref="FuseReadOutcome.Stopped"/>; blocks for the few milliseconds that takes.</summary>
    void StopReaders();
}
