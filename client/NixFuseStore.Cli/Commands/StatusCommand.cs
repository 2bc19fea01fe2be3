using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using NixFuseStore.Cli.Control;
using NixFuseStore.Cli.Errors;
using NixFuseStore.Cli.Settings;

namespace NixFuseStore.Cli.Commands;

/// <summary><c>nixfuse status</c>: asks the serving processes, never the mounts, which may hang.</summary>
internal static class StatusCommand
{
    public static Command Create()
    {
        var json = JsonOption.Create();
        var command = new Command("status", "Show all mounts of this host: server, cache, requests") { json };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var mounts = await ControlClient.FindMountsAsync(cancellationToken).ConfigureAwait(false);
            var output = parsed.InvocationConfiguration.Output;
            if (parsed.GetValue(json))
            {
                var report = new StatusReport([.. mounts.Select(mount => mount.Status)]);
                await output.WriteLineAsync(JsonSerializer.Serialize(report, ControlJson.Default.StatusReport)).ConfigureAwait(false);
            }
            else if (mounts.Count == 0)
            {
                await output.WriteLineAsync("nothing is mounted").ConfigureAwait(false);
            }

            foreach (var (_, status) in parsed.GetValue(json) ? [] : mounts)
            {
                await WriteAsync(output, status).ConfigureAwait(false);
            }

            return ExitStatus.Done;
        });
        return command;
    }

    private static async Task WriteAsync(TextWriter output, MountStatus status)
    {
        var cache = status.Cache;
        var lookups = cache.MemoryHits + cache.DiskHits + cache.Misses;
        var unused = status.Transfer.ReadAheadBytes - status.Transfer.ReadAheadUsedBytes;
        (string Name, string Text)[] lines =
        [
            ("store", $"{status.Store} of {status.Server} ({status.StoreDirectory}){(status.Detached ? ", unmounted here; another mount namespace still has it" : "")}"),
            ("server", Describe(status)),
            ("cache", $"{ByteSize.Format(cache.SizeBytes)} of {ByteSize.Format(cache.SizeBytesMax)} in {cache.Directory}, {cache.Entries} chunks ({cache.RecoveredEntries} from before)"
                + (cache.Open ? "" : ", still opening")),
            ("hits", string.Create(CultureInfo.InvariantCulture, $"{cache.MemoryHits} memory, {cache.DiskHits} disk, {cache.Misses} missed ({Percent(lookups - cache.Misses, lookups)} hits), {cache.Evicted} evicted, {cache.Corrupt} corrupt")),
            ("received", $"{ByteSize.Format(status.Transfer.ReceivedBytes)}; read ahead {ByteSize.Format(status.Transfer.ReadAheadBytes)}, not used {ByteSize.Format(Math.Max(0, unused))}; refused {status.Transfer.BadChunks} bad chunks"),
            ("requests", $"{status.Requests.Total} ({string.Join(", ", status.Requests.ByOperation.OrderByDescending(entry => entry.Value).Select(entry => $"{entry.Key} {entry.Value}"))})"),
            ("failed", $"{status.Requests.Errors} errors, {status.Requests.DeadlinesMissed} timed out, {status.Requests.Interrupted} interrupted; {status.Requests.InFlight} waiting"),
            ("process", $"{status.WorkerPid}, {ByteSize.Format(status.ResidentBytes)} resident, up {TimeSpan.FromSeconds((long)status.UptimeSeconds):c}, {status.Paths} paths opened"),
            ("supervisor", $"{status.SupervisorPid}{(status.Restarts > 0 ? $", which has replaced {status.Restarts} processes; the last time because {status.LastRestart}" : "")}"),
        ];
        await output.WriteLineAsync(status.MountPoint).ConfigureAwait(false);
        foreach (var (name, text) in lines)
        {
            await output.WriteLineAsync($"  {name,-9} {text}").ConfigureAwait(false);
        }

        foreach (var line in DescribeAdding(status.Adding))
        {
            await output.WriteLineAsync($"  {"added",-9} {line}").ConfigureAwait(false);
        }

        if (cache.BypassReason is { } reason)
        {
            await output.WriteLineAsync($"  {"warning",-9} nothing is written to the cache: {reason}").ConfigureAwait(false);
        }
    }

    private static IEnumerable<string> DescribeAdding(AddingStatus? adding)
    {
        if (adding is null)
        {
            yield break;
        }

        if (adding.Waiting > 0)
        {
            yield return $"{adding.Waiting} paths wait to be registered at the server";
        }

        if (adding.SetAside > 0)
        {
            yield return $"{adding.SetAside} paths were refused by the server and are set aside in {adding.Journal}; the mount's log says why";
        }

        foreach (var file in adding.DamagedFiles)
        {
            yield return $"{file} cannot be read whole, and was kept: what was added there is to be added again; the mount's log says more";
        }

        foreach (var other in adding.OtherStores)
        {
            yield return $"{other} holds paths that wait for another store to be mounted with this cache directory";
        }

        if (adding.Trouble is { } trouble)
        {
            yield return trouble;
        }
    }

    private static string Describe(MountStatus status)
        => status.Connected
            ? $"connected since {status.Since:yyyy-MM-dd HH:mm:ss}, event {status.Event}"
            : $"not connected since {status.Since:yyyy-MM-dd HH:mm:ss} ({status.Reason}); what is cached is served";

    private static string Percent(long part, long whole)
        => whole == 0 ? "no" : string.Create(CultureInfo.InvariantCulture, $"{100.0 * part / whole:0.#} %");
}
