using NixFuseStore.Fuse.Kernel;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Fuse.Replies;

/// <summary>
/// How a file system answers the request that it is being called with: on the spot, without allocation, or later by
/// <see cref="Defer{TState}"/>. Cannot outlive the call. The answers are those of <see cref="FuseResponder"/>.
/// </summary>
public readonly ref struct FuseReply
{
    private readonly DispatchResponder _responder;

    internal FuseReply(DispatchResponder responder)
    {
        _responder = responder;
    }

    /// <inheritdoc cref="FuseResponder.Error"/>
    public bool Error(Errno error) => _responder.Error(error);

    /// <inheritdoc cref="FuseResponder.Done"/>
    public bool Done() => _responder.Done();

    /// <inheritdoc cref="FuseResponder.Entry"/>
    public bool Entry(in FuseEntryOut entry) => _responder.Entry(entry);

    /// <inheritdoc cref="FuseResponder.Attributes"/>
    public bool Attributes(in FuseAttr attributes, FuseTimeout timeout) => _responder.Attributes(attributes, timeout);

    /// <inheritdoc cref="FuseResponder.FileSystem"/>
    public bool FileSystem(in FuseStatFs figures) => _responder.FileSystem(figures);

    /// <inheritdoc cref="FuseResponder.Bytes"/>
    public bool Bytes(ReadOnlySpan<byte> bytes) => _responder.Bytes(bytes);

    /// <inheritdoc cref="FuseResponder.Data"/>
    public bool Data(ReadOnlySpan<IoVector> segments, IDisposable? lease) => _responder.Data(segments, lease);

    /// <inheritdoc cref="FuseResponder.Directory"/>
    public bool Directory(DirectoryPage page) => _responder.Directory(page);

    /// <summary>
    /// Takes the request off the dispatch thread: <paramref name="work"/> runs on the thread pool and answers through the
    /// <see cref="FusePendingRequest"/> it is given. Should it end without an answer or throw, the answer is EIO.
    /// </summary>
    /// <remarks>
    /// A program that is killed gets EINTR at once (other signals wait for the answer, as on any disk), the deadline EIO, a stopping
    /// session EIO; each also cancels <see cref="FusePendingRequest.Token"/>, and what <paramref name="work"/> says later is dropped.
    /// Copy what is needed of the request into <paramref name="state"/>: its spans end with the call.
    /// </remarks>
    /// <param name="deadline">When to give up; <see cref="Timeout.InfiniteTimeSpan"/> for never.</param>
    /// <param name="state">Handed to <paramref name="work"/>, so that it can be a static lambda.</param>
    /// <param name="work">Answers the request.</param>
    public void Defer<TState>(TimeSpan deadline, TState state, Func<FusePendingRequest, TState, Task> work)
    {
        ArgumentNullException.ThrowIfNull(work);
        _responder.Defer(deadline, state, work);
    }
}
