using NixFuseStore.Storage.Metadata;
using NixFuseStore.Storage.Metadata.Sql;

namespace NixFuseStore.Storage.Tests.Metadata;

/// <summary>Registrations that wait for one another.</summary>
public sealed class RegistrationQueueTests
{
    private static readonly StoreId Store = new(1);

    private readonly TaskCompletionSource _gate = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<string> _registered = [];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Waiting_CallersThatHaveGone_CostNothing()
    {
        var queue = new RegistrationQueue(RegisterAsync);
        using var gone = new CancellationTokenSource();
        var first = Register(queue, "first", Token);
        await RunsAsync();
        var abandoned = Register(queue, "abandoned", gone.Token);
        var last = Register(queue, "last", Token);

        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => abandoned);
        _gate.SetResult();

        await first;
        await last;
        Assert.Equal(["first", "last"], _registered);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Register(queue, "late", gone.Token));
    }

    [Fact]
    public async Task Waiting_MoreThanTheBound_AreRefusedAndTheOthersGoOn()
    {
        var queue = new RegistrationQueue(RegisterAsync);
        var running = Register(queue, "running", Token);
        await RunsAsync();
        var waiting = Enumerable.Range(0, RegistrationQueue.WaitingMax).Select(number => Register(queue, $"waiting-{number}", Token)).ToArray();
        var refused = await Assert.ThrowsAsync<MetadataUnavailableException>(() => Register(queue, "refused", Token));
        Assert.Contains($"{RegistrationQueue.WaitingMax}", refused.Message, StringComparison.Ordinal);

        _gate.SetResult();
        await running;
        await Task.WhenAll(waiting);
        Assert.Equal(RegistrationQueue.WaitingMax + 1, _registered.Count);
    }

    private async Task RunsAsync()
    {
        while (true)
        {
            lock (_registered)
            {
                if (_registered.Count > 0)
                {
                    return;
                }
            }

            await Task.Delay(1, Token);
        }
    }

    private static async Task<IReadOnlyList<RegistrationResult>> Register(RegistrationQueue queue, string name, CancellationToken cancellation) =>
        await queue.RegisterAsync(Store, ChunkScope.All, [SamplePath.Create(name).Registration], cancellation);

    private async Task<IReadOnlyList<RegistrationResult>> RegisterAsync(StoreId store, ChunkScope scope, IReadOnlyList<PathRegistration> paths)
    {
        lock (_registered)
        {
            _registered.AddRange(paths.Select(path => path.Path.Name));
        }

        await _gate.Task;
        return [.. paths.Select(_ => new RegistrationResult(RegistrationOutcome.Registered, null, [], []))];
    }
}
