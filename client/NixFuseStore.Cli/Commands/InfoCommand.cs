using System.CommandLine;
using NixFuseStore.Cli.Errors;
using NixFuseStore.Cli.Settings;
using NixFuseStore.Client.Catalog;
using NixFuseStore.Nix;

namespace NixFuseStore.Cli.Commands;

/// <summary><c>nixfuse info</c>: what the server has recorded of paths, verified.</summary>
internal static class InfoCommand
{
    public static Command Create()
    {
        var store = new StoreOptions();
        var json = JsonOption.Create();
        var closure = new Option<bool>("--closure") { Description = "Also of everything that they refer to" };
        var paths = new Argument<string[]>("PATH") { Description = "Store paths or their base names", Arity = ArgumentArity.OneOrMore };
        var command = new Command("info", "Show what the server has recorded of paths") { json, closure, paths };
        store.AddTo(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var settings = store.Read(parsed);
            using var connection = settings.Connect();
            var catalog = await StoreCatalog.OpenAsync(connection, settings.ParseTrustedPublicKeys(), cancellationToken).ConfigureAwait(false);
            StorePath[] asked = [.. parsed.GetValue(paths)!.Select(argument => LocalPathArgument.Parse(argument, "/", catalog.Directory)).Distinct()];
            var answer = await catalog.QueryAsync(asked, parsed.GetValue(closure), cancellationToken).ConfigureAwait(false);
            var output = parsed.InvocationConfiguration.Output;
            if (parsed.GetValue(json))
            {
                await output.WriteLineAsync(InfoReport.Json(answer.Paths, catalog.Directory)).ConfigureAwait(false);
            }
            else
            {
                foreach (var path in answer.Paths)
                {
                    await output.WriteAsync(InfoReport.Text(path, catalog.Directory)).ConfigureAwait(false);
                }
            }

            return answer.NotValid.Count == 0
                ? ExitStatus.Done
                : throw new CliException($"not valid in store '{settings.Store}' on {settings.Server}: {string.Join(' ', answer.NotValid)}");
        });
        return command;
    }
}
