using System.CommandLine;
using System.Text;
using System.Text.Json;
using NixFuseStore.Cli.Settings;
using NixFuseStore.Client.Catalog;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;

namespace NixFuseStore.Cli.Commands;

/// <summary><c>nixfuse ls</c>: the names in a store.</summary>
internal static class ListCommand
{
    public static Command Create()
    {
        var store = new StoreOptions();
        var json = JsonOption.Create();
        var prefix = new Argument<string>("PREFIX")
        {
            Description = "Only paths whose base names begin so",
            Arity = ArgumentArity.ZeroOrOne,
            DefaultValueFactory = _ => "",
        };
        var command = new Command("ls", "List the paths in a store") { json, prefix };
        store.AddTo(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            using var connection = store.Read(parsed).Connect();
            var catalog = await StoreCatalog.OpenAsync(connection, [], cancellationToken).ConfigureAwait(false);
            string wanted = parsed.GetValue(prefix)!;
            if (wanted.StartsWith(catalog.Directory.Path + "/", StringComparison.Ordinal))
            {
                wanted = wanted[(catalog.Directory.Path.Length + 1)..];
            }

            var entries = catalog.ListAsync(wanted, cancellationToken);
            var output = parsed.InvocationConfiguration.Output;
            if (parsed.GetValue(json))
            {
                await output.WriteLineAsync(await JsonAsync(entries, catalog.Directory).ConfigureAwait(false)).ConfigureAwait(false);
            }
            else
            {
                await foreach (var entry in entries.ConfigureAwait(false))
                {
                    await output.WriteLineAsync($"{catalog.Directory}/{entry.BaseName}").ConfigureAwait(false);
                }
            }

            return CommandRunner.ExitDone;
        });
        return command;
    }

    private static async Task<string> JsonAsync(IAsyncEnumerable<PathEntry> entries, StoreDirectory directory)
    {
        var bytes = new MemoryStream();
        var json = new Utf8JsonWriter(bytes, JsonOption.WriterOptions);
        await using (json.ConfigureAwait(false))
        {
            json.WriteStartArray();
            await foreach (var entry in entries.ConfigureAwait(false))
            {
                json.WriteStartObject();
                json.WriteString("path", $"{directory}/{entry.BaseName}");
                json.WriteString("kind", entry.RootKind switch { 2 => "directory", 3 => "symlink", _ => entry.RootExecutable ? "executable" : "regular" });
                json.WriteNumber("size", entry.RootSize);
                json.WriteNumber("narSize", entry.NarSize);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        }

        return Encoding.UTF8.GetString(bytes.ToArray());
    }
}
