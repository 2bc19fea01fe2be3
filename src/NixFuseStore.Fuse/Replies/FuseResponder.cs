using NixFuseStore.Fuse.Kernel;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Fuse.Replies;

/// <summary>
/// Where a request's one answer goes. Every method sends at once, from any thread; the first wins. Each returns whether
/// the kernel took the answer: false when the request was answered before (by an interrupt or a deadline too) or is gone.
/// </summary>
public abstract unsafe class FuseResponder
{
    private protected FuseResponder(ReplyWriter writer)
    {
        Writer = writer;
    }

    /// <summary>Sends what is answered.</summary>
    internal ReplyWriter Writer { get; }

    /// <summary>Fails the request.</summary>
    public bool Error(Errno error) => Send(error, default);

    /// <summary>Success without more to say.</summary>
    public bool Done() => Send(Errno.None, default);

    /// <summary>A name's node, or its absence (<see cref="FuseEntryOut.Absent"/>).</summary>
    public bool Entry(in FuseEntryOut entry)
    {
        fixed (FuseEntryOut* body = &entry)
        {
            return SendOne(body, (nuint)sizeof(FuseEntryOut));
        }
    }

    /// <summary>A node's attributes and how long they may be kept.</summary>
    public bool Attributes(in FuseAttr attributes, FuseTimeout timeout)
    {
        var body = new FuseAttrOut(attributes, timeout);
        return SendOne(&body, (nuint)sizeof(FuseAttrOut));
    }

    /// <summary>Figures of the file system.</summary>
    public bool FileSystem(in FuseStatFs figures)
    {
        fixed (FuseStatFs* body = &figures)
        {
            return SendOne(body, (nuint)sizeof(FuseStatFs));
        }
    }

    /// <summary>Bytes from anywhere: a link's target, a small file.</summary>
    public bool Bytes(ReadOnlySpan<byte> bytes)
    {
        fixed (byte* body = bytes)
        {
            return SendOne(body, (nuint)bytes.Length);
        }
    }

    /// <summary>
    /// Bytes of a file, given to the kernel where they lie. At most <see cref="FuseLimits.SegmentsMax"/> segments.
    /// </summary>
    /// <param name="segments">Memory that stays put until <paramref name="lease"/> is disposed.</param>
    /// <param name="lease">Disposed before this returns, whether or not the answer was taken; null when nothing needs to be given back.</param>
    public bool Data(ReadOnlySpan<IoVector> segments, IDisposable? lease)
    {
        try
        {
            return Send(Errno.None, segments);
        }
        finally
        {
            lease?.Dispose();
        }
    }

    /// <summary>A page of directory entries. The page is given back to its pool here, whether or not the answer was taken.</summary>
    public bool Directory(DirectoryPage page)
    {
        ArgumentNullException.ThrowIfNull(page);
        using (page)
        {
            return SendOne(page.Start, (nuint)page.BytesWritten);
        }
    }

    /// <summary>Takes the right to answer; only the first call per request gets it.</summary>
    /// <param name="unique">The id to answer with, the mark of a re-sent request included.</param>
    /// <param name="opcode">What was asked, for the counters.</param>
    private protected abstract bool TryClaim(out ulong unique, out FuseOpcode opcode);

    /// <summary>Answers with an error number and a body in pieces.</summary>
    internal bool Send(Errno error, ReadOnlySpan<IoVector> body)
    {
        if (!TryClaim(out var unique, out var opcode))
        {
            Writer.Counters.AnswerDropped();
            return false;
        }

        return Writer.Write(unique, opcode, error, body);
    }

    private bool SendOne(void* body, nuint bytes)
    {
        if (bytes == 0)
        {
            return Done();
        }

        var vector = new IoVector(body, bytes);
        return Send(Errno.None, new ReadOnlySpan<IoVector>(in vector));
    }
}
