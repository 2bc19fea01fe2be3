using NixFuseStore.Daemon.Logging;

namespace NixFuseStore.Daemon.Building;

/// <summary>The log of one client, to which several steps write at the same time, a message each.</summary>
internal sealed class StepLog(LogChannel log) : IDisposable
{
    private readonly SemaphoreSlim _turn = new(1);

    internal async ValueTask LineAsync(LogLevel level, string line)
    {
        using var turn = await EnterAsync();
        await log.LineAsync(level, line);
    }

    internal async ValueTask<ulong> StartAsync(string text, ActivityType type, params LogField[] fields)
    {
        using var turn = await EnterAsync();
        return await log.StartAsync(LogLevel.Info, type, text, fields);
    }

    internal async ValueTask BuildLineAsync(ulong activity, string line)
    {
        using var turn = await EnterAsync();
        await log.BuildLineAsync(activity, line);
    }

    internal async ValueTask StopAsync(ulong activity)
    {
        using var turn = await EnterAsync();
        log.Stop(activity);
    }

    /// <inheritdoc/>
    public void Dispose() => _turn.Dispose();

    private async ValueTask<Turn> EnterAsync()
    {
        await _turn.WaitAsync();
        return new Turn(_turn);
    }

    private readonly struct Turn(SemaphoreSlim turn) : IDisposable
    {
        public void Dispose() => turn.Release();
    }
}
