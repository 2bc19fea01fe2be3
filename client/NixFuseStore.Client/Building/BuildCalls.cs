using System.Runtime.CompilerServices;
using Grpc.Core;
using NixFuseStore.Client.Adding;
using NixFuseStore.Client.Server;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Building;

/// <summary>
/// Which host builds what, as the server knows it; see <c>builds.proto</c>. All members may be called from any thread, and fail with
/// <see cref="StoreClientException"/>.
/// </summary>
public sealed class BuildCalls
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    /// <summary>An owner is heard again before its lease has run out, so a call that takes longer is made again.</summary>
    private static readonly TimeSpan RenewDeadline = TimeSpan.FromSeconds(4);

    private readonly ServerConnection _connection;
    private readonly StoreReader _reader;
    private readonly StoreWriter _writer;

    /// <summary>Over the parts of a mount, which stay the caller's.</summary>
    public BuildCalls(ServerConnection connection, StoreReader reader, StoreWriter writer)
    {
        ArgumentNullException.ThrowIfNull(connection);
        ArgumentNullException.ThrowIfNull(reader);
        ArgumentNullException.ThrowIfNull(writer);
        _connection = connection;
        _reader = reader;
        _writer = writer;
    }

    /// <summary>ClaimBuild.</summary>
    public Task<ClaimBuildResponse> ClaimAsync(ClaimBuildRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        request.Store = _reader.Calls.StoreName;
        return _reader.Calls.CallAsync((endpoint, token) => endpoint.Store.ClaimBuildAsync(request, Deadline, token), cancellationToken);
    }

    /// <summary>TakeBuild. Does not wait for a server that is away: the caller comes again.</summary>
    public Task<TakeBuildResponse> TakeAsync(TakeBuildRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        request.Store = _reader.Calls.StoreName;
        var deadline = Deadline + TimeSpan.FromSeconds(request.WaitSeconds);
        return _connection.CallAsync((endpoint, token) => endpoint.Store.TakeBuildAsync(request, deadline, token), cancellationToken);
    }

    /// <summary>RenewBuild. Does not wait for a server that is away: the caller comes again.</summary>
    public Task<RenewBuildResponse> RenewAsync(RenewBuildRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        request.Store = _reader.Calls.StoreName;
        return _connection.CallAsync((endpoint, token) => endpoint.Store.RenewBuildAsync(request, RenewDeadline, token), cancellationToken);
    }

    /// <summary>FinishBuild, with outputs or without; see <see cref="StoreWriter.FinishBuildAsync"/>.</summary>
    public Task<FinishBuildResponse> FinishAsync(
        FinishBuildRequest request, IReadOnlyList<(PathImport Import, PathInfo Info)> outputs, CancellationToken cancellationToken) =>
        _writer.FinishBuildAsync(request, outputs, cancellationToken);

    /// <summary>FollowBuild: until the build has ended, or the server is away.</summary>
    public async IAsyncEnumerable<FollowBuildResponse> FollowAsync(
        ulong number, string waiter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var endpoint = _connection.Current;
        var request = new FollowBuildRequest { Store = _reader.Calls.StoreName, Number = number, Waiter = waiter };
        var responses = endpoint.Store.FollowBuildAsync(request, null, cancellationToken).GetAsyncEnumerator(cancellationToken);
        await using (responses.ConfigureAwait(false))
        {
            while (true)
            {
                try
                {
                    if (!await responses.MoveNextAsync().ConfigureAwait(false))
                    {
                        yield break;
                    }
                }
                catch (RpcException e)
                {
                    var failure = _connection.Translate(endpoint, e);
                    if (failure is StoreUnavailableException)
                    {
                        _connection.MoveOn(endpoint);
                    }

                    throw failure;
                }

                // What follows the last one is asked at once, also behind an outage.
                _connection.Hear(endpoint);
                yield return responses.Current;
            }
        }
    }

    /// <summary>ListBuilds.</summary>
    public async Task<IReadOnlyList<RunningBuild>> ListAsync(CancellationToken cancellationToken)
    {
        var request = new ListBuildsRequest { Store = _reader.Calls.StoreName };
        var response = await _reader.Calls.CallAsync(
            (endpoint, token) => endpoint.Store.ListBuildsAsync(request, Deadline, token), cancellationToken).ConfigureAwait(false);
        return response.Builds;
    }
}
