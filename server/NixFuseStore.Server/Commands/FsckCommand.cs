using System.CommandLine;
using NixFuseStore.Server.Base;
using NixFuseStore.Server.Hosting;
using NixFuseStore.Settings;
using NixFuseStore.Storage.Blobs;
using NixFuseStore.Storage.Checking;

namespace NixFuseStore.Server.Commands;

/// <summary><c>nixfuse-server fsck</c></summary>
internal static class FsckCommand
{
    public static Command Create(TextWriter output)
    {
        var fast = new Option<bool>("--fast") { Description = "Compare chunks with the sums of their stored bytes (the default)" };
        var full = new Option<bool>("--full") { Description = "Compare chunks with their names (SHA-256)" };
        var repair = new Option<bool>("--repair") { Description = "Mend what can be mended from what is there, after a push of the damaged paths" };
        var storage = new StorageArguments();
        var command = new Command("fsck", "Read all packs and manifests, and name what is damaged; exit status 1 where something is")
        {
            fast,
            full,
            repair,
        };
        storage.AddTo(command, withBlobs: true);
        command.SetAction(async (parsed, cancellation) =>
        {
            if (parsed.GetValue(fast) && parsed.GetValue(full))
            {
                throw new FormatException("--fast and --full exclude each other (see nixfuse-server fsck --help)");
            }

            var status = CommandRunner.ExitFailed;
            await storage.UseMetadataAsync(
                parsed,
                async metadata =>
                {
                    var notice = parsed.InvocationConfiguration.Error;
                    var blobs = StorageOpener.OpenBlobs(
                        storage.Read(parsed, SettingsFiles.Load().Server), line => notice.WriteLine("nixfuse-server: " + line));
                    await using (blobs.ConfigureAwait(false))
                    {
                        var report = await CheckAsync().ConfigureAwait(false);
                        await output.WriteLineAsync(
                            $"{report.Packs} packs, {report.Chunks} chunks, {report.Sections} manifest sections: "
                            + (report.Faults == 0 ? "all whole" : $"{report.Faults} faults")
                            + (report.Restored > 0 ? $", {report.Restored} chunks restored" : "")
                            + (report.Rewritten > 0 ? $", {report.Rewritten} packs written anew" : "")).ConfigureAwait(false);
                        status = report.Faults == 0 ? CommandRunner.ExitDone : CommandRunner.ExitFailed;
                    }

                    async Task<StoreCheckReport> CheckAsync()
                    {
                        try
                        {
                            return await StoreCheck.RunAsync(
                                metadata, blobs, parsed.GetValue(full), parsed.GetValue(repair), output.WriteLine, cancellation).ConfigureAwait(false);
                        }
                        catch (BlobStoreUnavailableException e)
                        {
                            throw new ServerException(e.Message, e);
                        }
                        catch (IOException e) when (e is not Storage.Metadata.MetadataUnavailableException)
                        {
                            throw new ServerException($"the check could not be finished: {e.Message}", e);
                        }
                    }
                },
                cancellation).ConfigureAwait(false);
            return status;
        });
        return command;
    }
}
