using NixFuseStore.Server.Access;

namespace NixFuseStore.Server.Grpc;

/// <summary>What a service may know of the call it answers.</summary>
/// <param name="Principal">Who calls.</param>
/// <param name="RecheckAsync">Asks again who calls, for calls that run long; throws once the token was revoked.</param>
/// <param name="Cancellation">Ends with the deadline, with the caller's reset, and when the server stops.</param>
internal sealed record CallContext(Principal Principal, Func<ValueTask<Principal>> RecheckAsync, CancellationToken Cancellation);
