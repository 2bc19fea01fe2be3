using Grpc.Core;
using NixFuseStore.Server.Access;

namespace NixFuseStore.Server.Endpoints.Grpc;

/// <summary>What a service may know of the call it answers; <see cref="CallInterceptor"/> makes it.</summary>
/// <param name="Principal">Who calls.</param>
/// <param name="Hold">For calls of long duration: says when the caller's access is over.</param>
/// <param name="Cancellation">Ends with the deadline, with the caller's reset, and for endless calls when the server stops.</param>
internal sealed record CallContext(Principal Principal, Func<TokenHold> Hold, CancellationToken Cancellation)
{
    /// <summary>That of a call as the framework knows it.</summary>
    public static CallContext Of(ServerCallContext context) => context.GetHttpContext().Features.Get<CallContext>()!;
}
