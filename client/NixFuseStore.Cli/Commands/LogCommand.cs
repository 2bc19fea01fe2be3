using System.CommandLine;
using NixFuseStore.Cli.Errors;
using NixFuseStore.Cli.Settings;
using NixFuseStore.Client.Catalog;
using NixFuseStore.Client.Relations;
using NixFuseStore.Nix;

namespace NixFuseStore.Cli.Commands;

/// <summary><c>nixfuse log</c>: what the builder of a path printed.</summary>
internal static class LogCommand
{
    private const string DerivationSuffix = ".drv";

    public static Command Create()
    {
        var store = new StoreOptions();
        var path = new Argument<string>("PATH") { Description = "A derivation (.drv) or one of its outputs: a store path or its base name" };
        var command = new Command("log", "Show what the builder of a path printed, on whichever host it ran") { path };
        store.AddTo(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var settings = store.Read(parsed);
            using var connection = settings.Connect();
            var catalog = await StoreCatalog.OpenAsync(connection, settings.ParseTrustedPublicKeys(), cancellationToken).ConfigureAwait(false);
            var asked = LocalPathArgument.Parse(parsed.GetValue(path)!, "/", catalog.Directory);
            var derivation = await FindDerivationAsync(catalog, asked, cancellationToken).ConfigureAwait(false);
            byte[] log = await BuildLogs.FindAsync(connection, derivation, cancellationToken).ConfigureAwait(false)
                ?? throw new CliException($"no log of {catalog.Directory.Print(derivation)} is kept in store '{settings.Store}' on {settings.Server}");
            await using var output = Console.OpenStandardOutput();
            await output.WriteAsync(log, cancellationToken).ConfigureAwait(false);
            return ExitStatus.Done;
        });
        return command;
    }

    private static async Task<StorePath> FindDerivationAsync(StoreCatalog catalog, StorePath asked, CancellationToken cancellationToken)
    {
        if (asked.Name.EndsWith(DerivationSuffix, StringComparison.Ordinal))
        {
            return asked;
        }

        var answer = await catalog.QueryAsync([asked], false, cancellationToken).ConfigureAwait(false);
        var found = answer.Paths.SingleOrDefault() ?? throw new CliException($"{catalog.Directory.Print(asked)} is not valid, and only of a .drv a log may be kept then");
        return found.Handle.Info.Deriver
            ?? throw new CliException($"{catalog.Directory.Print(asked)} does not say by which derivation it was built; give the .drv");
    }
}
