using NixFuseStore.Fuse.Kernel;

namespace NixFuseStore.Fuse.Replies;

/// <summary>
/// Answers for the request that a dispatch thread is working on. One per thread, used again for each request, so that
/// answering from memory allocates nothing; <see cref="FuseReply"/> keeps it from being held on to.
/// </summary>
internal sealed class DispatchResponder(ReplyWriter writer) : FuseResponder(writer)
{
    private ulong _unique;
    private FuseOpcode _opcode;
    private uint _caller;
    private bool _open;

    /// <summary>Whether the present request still wants an answer.</summary>
    public bool IsOpen => _open;

    /// <summary>Turns to the next request.</summary>
    public void Begin(ulong unique, FuseOpcode opcode, uint caller)
    {
        _unique = unique;
        _opcode = opcode;
        _caller = caller;
        _open = true;
    }

    /// <summary>Closes a request that gets no answer (FORGET).</summary>
    public void EndWithoutAnswer() => _open = false;

    /// <summary>Moves the request to the thread pool; see <see cref="FuseReply.Defer{TState}"/>.</summary>
    public void Defer<TState>(TimeSpan deadline, TState state, Func<FusePendingRequest, TState, Task> work)
    {
        if (!TryClaim(out var unique, out var opcode))
        {
            throw new InvalidOperationException($"{opcode} was answered before it was deferred.");
        }

        var pending = new FusePendingRequest<TState>(Writer, unique, opcode, _caller, state, work);
        pending.Start(deadline);
    }

    private protected override bool TryClaim(out ulong unique, out FuseOpcode opcode)
    {
        unique = _unique;
        opcode = _opcode;
        var wasOpen = _open;
        _open = false;
        return wasOpen;
    }
}
