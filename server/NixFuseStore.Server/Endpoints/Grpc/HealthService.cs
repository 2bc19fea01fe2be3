using Grpc.Core;
using Grpc.Health.V1;
using NixFuseStore.Protocol;

namespace NixFuseStore.Server.Endpoints.Grpc;

/// <summary>
/// gRPC's standard health service, for the server as a whole and for the service <c>nixfuse.v1.Store</c>: serving while database and packs are
/// there. Says no more than that, since it asks for no token.
/// </summary>
/// <param name="isReady">Whether they are there; quick, and shared by all who ask within a second.</param>
/// <param name="time">The clock between two looks of a watch.</param>
/// <param name="stopping">Ends watches.</param>
internal sealed class HealthService(Func<Task<bool>> isReady, TimeProvider time, CancellationToken stopping) : Health.HealthBase
{
    private static readonly TimeSpan WatchInterval = TimeSpan.FromSeconds(5);

    /// <inheritdoc/>
    public override async Task<HealthCheckResponse> Check(HealthCheckRequest request, ServerCallContext context) => Knows(request)
        ? await LookAsync().ConfigureAwait(false)
        : throw new RpcException(new Status(StatusCode.NotFound, "there is no such service here"));

    /// <inheritdoc/>
    public override async Task Watch(HealthCheckRequest request, IServerStreamWriter<HealthCheckResponse> responseStream, ServerCallContext context)
    {
        ArgumentNullException.ThrowIfNull(responseStream);
        ArgumentNullException.ThrowIfNull(context);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, stopping);
        HealthCheckResponse? told = null;
        while (true)
        {
            var now = Knows(request)
                ? await LookAsync().ConfigureAwait(false)
                : new HealthCheckResponse { Status = HealthCheckResponse.Types.ServingStatus.ServiceUnknown };
            if (!now.Equals(told))
            {
                await responseStream.WriteAsync(now).ConfigureAwait(false);
                told = now;
            }

            await Task.Delay(WatchInterval, time, ending.Token).ConfigureAwait(false);
        }
    }

    private static bool Knows(HealthCheckRequest request) => request.Service.Length == 0 || request.Service == Store.Descriptor.FullName;

    private async Task<HealthCheckResponse> LookAsync() => new()
    {
        Status = await isReady().ConfigureAwait(false)
            ? HealthCheckResponse.Types.ServingStatus.Serving
            : HealthCheckResponse.Types.ServingStatus.NotServing,
    };
}
