using NixFuseStore.Server.Access;

namespace NixFuseStore.Server.Endpoints.Grpc;

/// <summary>What a service may know of the call it answers.</summary>
/// <param name="Principal">Who calls.</param>
/// <param name="Hold">For calls of long duration: says when the caller's access is over.</param>
/// <param name="Cancellation">Ends with the deadline, with the caller's reset, and when the server stops.</param>
internal sealed record CallContext(Principal Principal, Func<TokenHold> Hold, CancellationToken Cancellation);
