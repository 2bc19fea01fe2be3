using NixFuseStore.Fuse.Kernel;

namespace NixFuseStore.Fuse.Replies;

/// <summary>A pending request with the work that answers it.</summary>
internal sealed class FusePendingRequest<TState>(
    ReplyWriter writer, ulong unique, FuseOpcode opcode, uint caller, TState state, Func<FusePendingRequest, TState, Task> work)
    : FusePendingRequest(writer, unique, opcode, caller)
{
    private protected override Task WorkAsync() => work(this, state);
}
