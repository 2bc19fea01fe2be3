using System.CommandLine;
using System.Text;
using System.Text.Json;
using NixFuseStore.Cli.Errors;
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
        var pattern = new Argument<string>("NAME")
        {
            Description = "Only paths whose names have this in them, or whose hashes begin so",
            Arity = ArgumentArity.ZeroOrOne,
            DefaultValueFactory = _ => "",
        };
        var command = new Command("ls", "List the paths in a store") { json, pattern };
        store.AddTo(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var settings = store.Read(parsed);
            using var connection = settings.Connect();
            var catalog = await StoreCatalog.OpenAsync(connection, [], cancellationToken).ConfigureAwait(false);
            var wanted = PathPattern.Parse(parsed.GetValue(pattern)!, catalog.Directory);
            var count = 0;
            var entries = catalog.ListAsync(wanted.Prefix, cancellationToken).Where(entry => wanted.Matches(entry.BaseName)).Select(entry =>
            {
                count++;
                return entry;
            });
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

            if (count == 0 && wanted.Text.Length > 0)
            {
                throw new CliException($"no path of store '{settings.Store}' on {settings.Server} has '{wanted.Text}' in its name, or a hash that begins so");
            }

            return ExitStatus.Done;
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
