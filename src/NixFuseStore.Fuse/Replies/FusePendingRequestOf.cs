using NixFuseStore.Fuse.Kernel;
using NixFuseStore.Fuse.Sessions;

namespace NixFuseStore.Fuse.Replies;

/// <summary>A pending request with the work that answers it.</summary>
internal sealed class FusePendingRequest<TState>(
    FuseSession session, ulong unique, FuseOpcode opcode, uint caller, TState state, Func<FusePendingRequest, TState, Task> work)
    : FusePendingRequest(session, unique, opcode, caller)
{
    private protected override Task WorkAsync() => work(this, state);
}
