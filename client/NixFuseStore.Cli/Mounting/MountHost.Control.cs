using System.Diagnostics;
using System.Reflection;
using NixFuseStore.Builds;
using NixFuseStore.Cli.Control;
using NixFuseStore.Cli.Errors;
using NixFuseStore.Nix;

namespace NixFuseStore.Cli.Mounting;

/// <content>What the control socket answers.</content>
internal sealed partial class MountHost
{
    /// <summary>A job that has just ended may still hold the mount for a moment: kernels put its namespaces away behind its exit.</summary>
    private static readonly TimeSpan BusyPatience = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan BusyPause = TimeSpan.FromMilliseconds(50);

    /// <summary>Characters of a line that a build has printed which are shown to one who looks on: a reply has an end.</summary>
    private const int FollowedLineMax = 100_000;

    private Task HandleAsync(ControlRequest request, Func<ControlReply, Task> reply, CancellationToken cancellationToken) => request.Command switch
    {
        ControlRequest.Status => reply(new ControlReply { Done = true, Status = DescribeStatus() }),
        ControlRequest.Unmount => UnmountAsync(request.Lazy, reply, cancellationToken),
        ControlRequest.Verify => VerifyAsync(request.Repair, reply, cancellationToken),
        ControlRequest.Prefetch => PrefetchAsync(request.Paths ?? [], reply, cancellationToken),
        ControlRequest.Upgrade => UpgradeAsync(request.Program ?? "", reply, cancellationToken),
        ControlRequest.FollowBuild => FollowBuildAsync(request.Build ?? "", reply, cancellationToken),
        _ => throw new CliException($"the process that serves {MountPoint} does not know the request '{request.Command}'; it may be of another version"),
    };

    private async Task UnmountAsync(bool lazy, Func<ControlReply, Task> reply, CancellationToken cancellationToken)
    {
        var asked = Stopwatch.GetTimestamp();
        while (!await _link.UnmountAsync(lazy, cancellationToken).ConfigureAwait(false))
        {
            if (Stopwatch.GetElapsedTime(asked) > BusyPatience)
            {
                throw new CliException($"{MountPoint} is in use; end the programs that use it (fuser -vm {MountPoint} shows them), or give --lazy");
            }

            await Task.Delay(BusyPause, cancellationToken).ConfigureAwait(false);
        }

        await reply(new ControlReply { Done = true }).ConfigureAwait(false);
        if (lazy)
        {
            // Those who are still inside would keep the session alive; they lose it now.
            _stopRequested.TrySetResult();
        }

        await EndDaemonAsync().ConfigureAwait(false);
        if (DescribeUnregistered() is { } unregistered)
        {
            await reply(new ControlReply { Progress = unregistered }).ConfigureAwait(false);
        }

        if (!lazy && await Task.WhenAny(_session!.Completion, Task.Delay(BusyPatience, cancellationToken)).ConfigureAwait(false) != _session.Completion)
        {
            var user = MountUsers.Find(_mount!.State.DeviceNumber) is (var process, var command)
                ? $"in the mount namespace of process {process} ({command})"
                : "in another mount namespace";
            await reply(new ControlReply { Progress = $"{MountPoint} is unmounted here, and still in use {user}; process {Environment.ProcessId} serves it until that ends" }).ConfigureAwait(false);
            return;
        }

        // The connection stays open until everything is put away: that is what the asking command waits for.
        await Task.Delay(Timeout.Infinite, cancellationToken).ConfigureAwait(false);
    }

    private async Task UpgradeAsync(string program, Func<ControlReply, Task> reply, CancellationToken cancellationToken) =>
        await reply(await _link.UpgradeAsync(program, cancellationToken).ConfigureAwait(false) is { } refusal
            ? new ControlReply { Error = refusal }
            : new ControlReply { Done = true }).ConfigureAwait(false);

    private async Task VerifyAsync(bool repair, Func<ControlReply, Task> reply, CancellationToken cancellationToken)
    {
        var progress = new VerifyProgressLine(line => _ = reply(new ControlReply { Progress = line }));
        var report = await _cache!.VerifyAsync(repair, progress, cancellationToken).ConfigureAwait(false);
        await reply(new ControlReply
        {
            Done = true,
            Verify = new VerifyResult(_location.Chunks, report.Entries, report.Bytes, report.Bad, report.Dropped),
        }).ConfigureAwait(false);
    }

    private async Task PrefetchAsync(IReadOnlyList<string> paths, Func<ControlReply, Task> reply, CancellationToken cancellationToken)
    {
        var wanted = paths.Select(StorePath.ParseBaseName).ToArray();
        var outcome = await Prefetcher.RunAsync(_reader!, wanted, line => _ = reply(new ControlReply { Progress = line }), cancellationToken).ConfigureAwait(false);
        await reply(new ControlReply { Done = true, Message = outcome }).ConfigureAwait(false);
    }

    private async Task FollowBuildAsync(string name, Func<ControlReply, Task> reply, CancellationToken cancellationToken)
    {
        var builder = _daemon?.Builder ?? throw new CliException($"nothing is built by {MountPoint}");
        var result = await builder.LookOnAsync(
            name,
            async line => await reply(new ControlReply { Line = line.Length <= FollowedLineMax ? line : line[..FollowedLineMax] + "…" }).ConfigureAwait(false),
            cancellationToken).ConfigureAwait(false);
        await reply(result.IsSuccess ? new ControlReply { Done = true } : new ControlReply { Error = result.ErrorMessage }).ConfigureAwait(false);
    }

    private MountCounters ReadCounters() => new(
        _reader!.Status,
        _cache!.Status,
        _session!.GetStatistics(),
        _fileSystem!.Slots,
        _daemon?.ConnectionCount ?? 0,
        _daemon?.Journal?.Waiting ?? 0,
        _daemon?.Journal?.SetAside ?? 0);

    private BuildsStatus DescribeBuilds(HostBuilder builder) => new(
        builder.JobsMax,
        builder.Sandbox,
        [
            .. builder.List().Select(build => new BuildStatusEntry(
                _reader!.Directory.Print(build.Derivation),
                build.IsRunning ? "running" : build.Host is null ? "queued" : "elsewhere",
                build.Host,
                (DateTimeOffset.UtcNow - build.Since).TotalSeconds,
                build.Waiters)),
        ]);

    private MountStatus DescribeStatus()
    {
        var counters = ReadCounters();
        var (reader, cache, session) = (counters.Reader, counters.Cache, counters.Session);
        using var process = Process.GetCurrentProcess();
        return new MountStatus
        {
            MountPoint = MountPoint,
            Detached = !_mount!.IsMounted,
            SupervisorPid = _link.Supervisor.ProcessId,
            WorkerPid = Environment.ProcessId,
            Program = Environment.ProcessPath ?? "",
            Restarts = _link.Supervisor.Restarts,
            LastRestart = _link.Supervisor.LastReason,
            Version = typeof(MountHost).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "",
            Server = string.Join(',', _settings.Store.Servers.Select(static server => server.GetLeftPart(UriPartial.Authority))),
            Store = _settings.Store.Store,
            StoreDirectory = _reader!.Directory.Path,
            Connected = reader.IsConnected,
            Since = reader.Since,
            Reason = reader.Failure,
            Event = reader.LastEvent,
            UptimeSeconds = (DateTimeOffset.UtcNow - _started).TotalSeconds,
            ResidentBytes = process.WorkingSet64,
            Paths = counters.KnownPaths,
            DaemonSocket = _daemon?.SocketPath,
            Adding = _daemon?.Journal is { } journal
                ? new AddingStatus(journal.Directory, journal.Waiting, journal.SetAside, journal.DamagedFiles, journal.OtherStores, journal.Trouble)
                : null,
            Builds = _daemon?.Builder is { } builder ? DescribeBuilds(builder) : null,
            Cache = new CacheStatus
            {
                Directory = _location.Directory,
                Open = cache.IsOpen,
                SizeBytes = cache.SizeBytes,
                SizeBytesMax = cache.SizeBytesMax,
                Entries = cache.Entries,
                RecoveredEntries = cache.RecoveredEntries,
                MemoryHits = cache.MemoryHits,
                DiskHits = cache.DiskHits,
                Misses = cache.Misses,
                Corrupt = cache.Corrupt,
                Evicted = cache.Evicted,
                Dropped = cache.Dropped,
                BypassReason = cache.BypassReason,
            },
            Transfer = new TransferStatus(reader.ReceivedBytes, reader.ReadAheadBytes, reader.ReadAheadUsedBytes, reader.BadChunks),
            Requests = new RequestStatus(
                session.Total,
                session.Requests.ToDictionary(static entry => entry.Key.ToString(), static entry => entry.Value),
                session.InFlight,
                session.Errors,
                session.DeadlinesMissed,
                session.Interrupted),
        };
    }
}
