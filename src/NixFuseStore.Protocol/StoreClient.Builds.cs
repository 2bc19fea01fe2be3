namespace NixFuseStore.Protocol;

/// <content>The rpcs of <c>builds.proto</c>.</content>
public sealed partial class StoreClient
{
    private readonly Builds.BuildsClient _builds = new(channel.Invoker);

    /// <summary>ClaimBuild.</summary>
    public Task<ClaimBuildResponse> ClaimBuildAsync(ClaimBuildRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        channel.UnaryAsync(_builds.ClaimBuildAsync, request, deadline, cancellation);

    /// <summary>TakeBuild.</summary>
    public Task<TakeBuildResponse> TakeBuildAsync(TakeBuildRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        channel.UnaryAsync(_builds.TakeBuildAsync, request, deadline, cancellation);

    /// <summary>RenewBuild.</summary>
    public Task<RenewBuildResponse> RenewBuildAsync(RenewBuildRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        channel.UnaryAsync(_builds.RenewBuildAsync, request, deadline, cancellation);

    /// <summary>FinishBuild.</summary>
    public Task<FinishBuildResponse> FinishBuildAsync(FinishBuildRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        channel.UnaryAsync(_builds.FinishBuildAsync, request, deadline, cancellation);

    /// <summary>FollowBuild: runs until the build has ended.</summary>
    public IAsyncEnumerable<FollowBuildResponse> FollowBuildAsync(FollowBuildRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        channel.ServerStreamingAsync(_builds.FollowBuild, request, deadline, cancellation);

    /// <summary>ListBuilds.</summary>
    public Task<ListBuildsResponse> ListBuildsAsync(ListBuildsRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        channel.UnaryAsync(_builds.ListBuildsAsync, request, deadline, cancellation);

    /// <summary>CancelBuild.</summary>
    public Task<CancelBuildResponse> CancelBuildAsync(CancelBuildRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        channel.UnaryAsync(_builds.CancelBuildAsync, request, deadline, cancellation);
}
