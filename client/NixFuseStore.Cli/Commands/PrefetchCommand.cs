using System.CommandLine;
using NixFuseStore.Cache;
using NixFuseStore.Cli.Control;
using NixFuseStore.Cli.Errors;
using NixFuseStore.Cli.Mounting;
using NixFuseStore.Cli.Settings;
using NixFuseStore.Client;
using NixFuseStore.Nix;

namespace NixFuseStore.Cli.Commands;

/// <summary><c>nixfuse prefetch</c>: fills the local cache with the closure of some paths.</summary>
internal static class PrefetchCommand
{
    public static Command Create()
    {
        var store = new StoreOptions();
        var paths = new Argument<string[]>("PATH") { Description = "Store paths or their base names", Arity = ArgumentArity.OneOrMore };
        var cacheDirectory = new Option<string?>("--cache-dir") { Description = "The cache, where it is not at its default place", HelpName = "DIR" };
        var command = new Command("prefetch", "Fetch paths and all that they refer to into the local cache") { paths, cacheDirectory };
        store.AddTo(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var settings = store.Read(parsed);
            var location = CacheLocation.Find(parsed.GetValue(cacheDirectory), settings.Servers, settings.Store);
            var progress = new ProgressLine(parsed.InvocationConfiguration.Error);
            var outcome = await PrefetchAsync(settings, location, parsed.GetRequiredValue(paths), progress.Show, cancellationToken).ConfigureAwait(false);
            progress.End();
            await parsed.InvocationConfiguration.Output.WriteLineAsync(outcome).ConfigureAwait(false);
            return ExitStatus.Done;
        });
        return command;
    }

    private static async Task<string> PrefetchAsync(
        StoreSettings settings, CacheLocation location, string[] paths, Action<string> show, CancellationToken cancellationToken)
    {
        // 1. A mount owns the cache: that process fetches.
        if (await MountPoints.FindByCacheAsync(location.Directory, cancellationToken).ConfigureAwait(false) is { } mount)
        {
            var directory = new StoreDirectory(mount.Status.StoreDirectory);
            var request = new ControlRequest(ControlRequest.Prefetch) { Paths = [.. paths.Select(path => LocalPathArgument.Parse(path, "/", directory).BaseName)] };
            await foreach (var reply in ControlClient.AskAsync(mount.Socket, request, cancellationToken).ConfigureAwait(false))
            {
                if (reply.Done)
                {
                    return reply.Message ?? "";
                }

                if (reply.Progress is { } progress)
                {
                    show(progress);
                }
            }

            throw new CliException($"the process that serves {mount.Status.MountPoint} ended while it fetched");
        }

        // 2. No process does: we are what a mount would be, without the mount.
        location.Create();
        using var connection = settings.Connect();
        await using var cache = await ChunkCache.OpenAsync(location.ExistingChunks(), cancellationToken).ConfigureAwait(false);
        var options = new StoreReaderOptions { TrustedPublicKeys = settings.ParseTrustedPublicKeys(), MetadataDirectory = location.Metadata };
        var reader = await StoreReader.OpenAsync(connection, Task.FromResult<IChunkCache?>(cache), options, cancellationToken).ConfigureAwait(false);
        await using (reader.ConfigureAwait(false))
        {
            var wanted = paths.Select(path => LocalPathArgument.Parse(path, "/", reader.Directory)).ToArray();
            return await Prefetcher.RunAsync(reader, wanted, show, cancellationToken).ConfigureAwait(false);
        }
    }
}
