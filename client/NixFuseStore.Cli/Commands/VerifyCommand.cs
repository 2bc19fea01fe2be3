using System.CommandLine;
using NixFuseStore.Cache;
using NixFuseStore.Cli.Control;
using NixFuseStore.Cli.Errors;
using NixFuseStore.Cli.Mounting;
using NixFuseStore.Cli.Settings;

namespace NixFuseStore.Cli.Commands;

/// <summary><c>nixfuse verify</c>: recomputes the digest of every chunk in the local cache.</summary>
internal static class VerifyCommand
{
    public static Command Create()
    {
        var store = new StoreOptions();
        var cacheDirectory = new Option<string?>("--cache-dir") { Description = "The cache, where it is not at its default place", HelpName = "DIR" };
        var repair = new Option<bool>("--repair") { Description = "Drop damaged chunks, to be fetched again when they are needed" };
        var command = new Command("verify", "Check the local chunk cache") { cacheDirectory, repair };
        store.AddTo(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var settings = store.Read(parsed);
            var location = CacheLocation.Find(parsed.GetValue(cacheDirectory), settings.Servers, settings.Store);
            var progress = new ProgressLine(parsed.InvocationConfiguration.Error);
            var result = await VerifyAsync(location, parsed.GetValue(repair), progress.Show, cancellationToken).ConfigureAwait(false);
            progress.End();
            var left = result.Bad - result.Dropped;
            await parsed.InvocationConfiguration.Output.WriteLineAsync(
                $"{result.CacheDirectory}: {result.Entries} chunks, {ByteSize.Format(result.Bytes)} intact, {result.Bad} damaged, {result.Dropped} dropped").ConfigureAwait(false);
            return left == 0
                ? ExitStatus.Done
                : throw new CliException($"{left} chunks in {result.CacheDirectory} are damaged; --repair drops them, to be fetched again when they are needed");
        });
        return command;
    }

    private static async Task<VerifyResult> VerifyAsync(CacheLocation location, bool repair, Action<string> show, CancellationToken cancellationToken)
    {
        // 1. A mount owns it: that process checks.
        if (await MountPoints.FindByCacheAsync(location.Directory, cancellationToken).ConfigureAwait(false) is { } mount)
        {
            var request = new ControlRequest(ControlRequest.Verify) { Repair = repair };
            await foreach (var reply in ControlClient.AskAsync(mount.Socket, request, cancellationToken).ConfigureAwait(false))
            {
                if (reply.Verify is { } result)
                {
                    return result;
                }

                if (reply.Progress is { } progress)
                {
                    show(progress);
                }
            }

            throw new CliException($"the process that serves {mount.Status.MountPoint} ended while it checked {location.Chunks}");
        }

        // 2. No process does. Made by accident it would be an empty one, and sound.
        if (!Directory.Exists(location.Chunks))
        {
            throw new CliException($"there is no cache in {location.Directory}; --server, --store and --cache-dir tell which one is meant");
        }

        await using var cache = await ChunkCache.OpenAsync(location.ExistingChunks(), cancellationToken).ConfigureAwait(false);
        var report = await cache.VerifyAsync(repair, new VerifyProgressLine(show), cancellationToken).ConfigureAwait(false);
        return new VerifyResult(location.Chunks, report.Entries, report.Bytes, report.Bad, report.Dropped);
    }
}
