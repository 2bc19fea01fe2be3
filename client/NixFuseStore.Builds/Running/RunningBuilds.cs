using NixFuseStore.Daemon;
using NixFuseStore.Nix;

namespace NixFuseStore.Builds.Running;

/// <summary>
/// What runs and waits. Who asks for what runs already joins it; what has ended nobody joins; two builds of the same outputs follow each other.
/// Disposed, it ends all and waits until nothing is left. Any thread.
/// </summary>
/// <param name="directory">Where logs lie.</param>
internal sealed class RunningBuilds(string directory) : IAsyncDisposable
{
    /// <summary>How often a build that is left here looks whether other hosts still wait for it.</summary>
    private static readonly TimeSpan s_wantedInterval = TimeSpan.FromSeconds(1);

    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _gate = new();

    // Those that can be joined, and all of which something still runs or lies around.
    private readonly Dictionary<BuildKey, SharedBuild> _open = [];
    private readonly HashSet<SharedBuild> _all = [];

    /// <summary>Joins a build, or begins it.</summary>
    /// <param name="key">Which.</param>
    /// <param name="run">The execution, which begins when no other one of the same outputs is left.</param>
    /// <returns>The build, which the caller leaves.</returns>
    /// <exception cref="IOException">Its log cannot be made.</exception>
    /// <exception cref="DaemonStoreException">Nothing is begun any more.</exception>
    public SharedBuild Join(BuildKey key, Func<SharedBuild, CancellationToken, Task<StepResult>> run)
    {
        lock (_gate)
        {
            var shared = _open.GetValueOrDefault(key) ?? Begin(key, run);
            shared.Waiters++;
            return shared;
        }
    }

    /// <summary>Begins a build, unless something of one of the same outputs is left; null where it is.</summary>
    /// <exception cref="IOException">Its log cannot be made.</exception>
    /// <exception cref="DaemonStoreException">Nothing is begun any more.</exception>
    public SharedBuild? TryBegin(BuildKey key, Func<SharedBuild, CancellationToken, Task<StepResult>> run)
    {
        lock (_gate)
        {
            if (_all.Any(other => other.Key.Outputs == key.Outputs))
            {
                return null;
            }

            var shared = Begin(key, run);
            shared.Waiters++;
            return shared;
        }
    }

    /// <summary>Leaves a build; when the last leaves, on other hosts too, it is ended.</summary>
    public void Leave(SharedBuild shared)
    {
        lock (_gate)
        {
            if (--shared.Waiters > 0 || shared.IsLeft)
            {
                return;
            }

            shared.IsLeft = true;
        }

        _ = LeaveLastAsync(shared);
    }

    /// <summary>What runs and waits now, in the order in which it was asked for.</summary>
    public IReadOnlyList<BuildState> List()
    {
        lock (_gate)
        {
            return [.. _open.Values.Select(static build => new BuildState(build.Key.Path, build.IsRunning, build.Host, build.Since, build.Waiters)).OrderBy(static build => build.Since)];
        }
    }

    /// <summary>Looks on at a build, which does not go on for that.</summary>
    /// <param name="name">The derivation's path, its base name or a part of its name.</param>
    /// <param name="line">Told each line from the first on.</param>
    /// <param name="cancellationToken">Leaves.</param>
    /// <returns>How it ended.</returns>
    /// <exception cref="DaemonStoreException">None, or several, have that name; or something other than the builder failed.</exception>
    public async Task<StepResult> LookOnAsync(string name, Func<string, ValueTask> line, CancellationToken cancellationToken)
    {
        SharedBuild[] found;
        BuildLog.Reader? reader = null;
        lock (_gate)
        {
            found = [.. _open.Values.Where(build => name.EndsWith(build.Key.Path.BaseName, StringComparison.Ordinal))];
            found = found.Length > 0 ? found : [.. _open.Values.Where(build => build.Key.Path.BaseName.Contains(name, StringComparison.Ordinal))];
            if (found.Length == 1)
            {
                reader = found[0].Log.OpenReader();
            }
        }

        if (reader is null)
        {
            throw new DaemonStoreException(found.Length == 0
                ? $"nothing that is being built has the name '{name}'"
                : $"several that are being built have '{name}' in their names: {string.Join(' ', found.Select(static build => build.Key.Path.BaseName))}");
        }

        using (reader)
        {
            await reader.FollowAsync(line, cancellationToken).ConfigureAwait(false);
            return await found[0].Result.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        Task[] ends;
        lock (_gate)
        {
            _ = _stopping.CancelAsync();
            ends = [.. _all.Select(static build => build.Ended)];
        }

        await Task.WhenAll(ends).ConfigureAwait(false);
    }

    // Under the lock.
    private SharedBuild Begin(BuildKey key, Func<SharedBuild, CancellationToken, Task<StepResult>> run)
    {
        if (_stopping.IsCancellationRequested)
        {
            throw new DaemonStoreException("the mount is ending");
        }

        var shared = new SharedBuild(key, directory, _stopping.Token);
        var before = Task.WhenAll(_all.Where(other => other.Key.Outputs == key.Outputs).Select(static other => other.Ended));
        _open.Add(key, shared);
        _all.Add(shared);
        shared.Start(
            async (build, cancellation) =>
            {
                await before.WaitAsync(cancellation).ConfigureAwait(false);
                return await run(build, cancellation).ConfigureAwait(false);
            },
            () => Close(shared));
        _ = ForgetAsync(shared);
        return shared;
    }

    private void Close(SharedBuild shared)
    {
        lock (_gate)
        {
            if (_open.TryGetValue(shared.Key, out var open) && open == shared)
            {
                _open.Remove(shared.Key);
            }
        }
    }

    private async Task ForgetAsync(SharedBuild shared)
    {
        await shared.Ended.ConfigureAwait(false);
        lock (_gate)
        {
            _all.Remove(shared);
        }
    }

    private async Task LeaveLastAsync(SharedBuild shared)
    {
        // 1. Other hosts may wait for it; and who comes here meanwhile joins them.
        while (shared.IsWantedElsewhere is { } asks && await asks().ConfigureAwait(false))
        {
            await Task.WhenAny(shared.Ended, Task.Delay(s_wantedInterval, _stopping.Token)).ConfigureAwait(false);
            if (_stopping.IsCancellationRequested)
            {
                break;
            }
        }

        lock (_gate)
        {
            shared.IsLeft = false;
            if (shared.Waiters > 0)
            {
                return;
            }

            // 2. Who comes now begins anew.
            Close(shared);
        }

        await shared.CancelAsync().ConfigureAwait(false);
        await shared.Ended.ConfigureAwait(false);
        shared.Release();
    }
}

/// <summary>A build that is wanted on this host: it runs here or on another host, or waits for a slot.</summary>
/// <param name="Derivation">What is built.</param>
/// <param name="IsRunning">Whether it has a slot here.</param>
/// <param name="Host">The other host that builds it; null where none does.</param>
/// <param name="Since">When it was first asked for.</param>
/// <param name="Waiters">Requests that wait for it.</param>
public sealed record BuildState(StorePath Derivation, bool IsRunning, string? Host, DateTimeOffset Since, int Waiters);
