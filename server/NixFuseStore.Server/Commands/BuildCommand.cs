using System.CommandLine;
using System.Globalization;
using NixFuseStore.Nix;
using NixFuseStore.Server.Base;

namespace NixFuseStore.Server.Commands;

/// <summary><c>nixfuse-server build list|cancel</c></summary>
internal static class BuildCommand
{
    public static Command Create(TextWriter output) => new("build", "Look at and end what hosts build for a store")
    {
        CreateList(output),
        CreateCancel(output),
    };

    private static Command CreateList(TextWriter output)
    {
        var name = new Argument<string>("NAME") { Description = "The store" };
        var asJson = JsonOutput.CreateOption();
        var storage = new StorageArguments();
        var command = new Command("list", "Show which host builds what, and how many others wait for it") { name, asJson };
        storage.AddTo(command);
        command.SetAction((parsed, cancellation) => storage.UseMetadataAsync(
            parsed,
            async metadata =>
            {
                var store = await StorageArguments.FindStoreAsync(metadata, parsed.GetValue(name)!, cancellation).ConfigureAwait(false);
                var directory = new StoreDirectory(store.StoreDirectory);
                var builds = await metadata.ListBuildsAsync(store.Id, cancellation).ConfigureAwait(false);
                if (parsed.GetValue(asJson))
                {
                    await JsonOutput.WriteAsync(output, json => json.WriteArray("builds", builds, build =>
                    {
                        json.WriteStartObject();
                        json.WriteNumber("number", build.Number);
                        json.WriteString("derivation", directory.Print(build.Derivation));
                        json.WriteString("state", build.IsQueued ? "queued" : "running");
                        json.WriteString("host", build.Host);
                        json.WriteTime("since", build.Created);
                        json.WriteNumber("waiters", build.Waiters);
                        json.WriteEndObject();
                    })).ConfigureAwait(false);
                    return;
                }

                foreach (var build in builds)
                {
                    var age = DateTimeOffset.UtcNow.ToUnixTimeSeconds() - build.Created;
                    await output.WriteLineAsync(string.Create(
                        CultureInfo.InvariantCulture,
                        $"{build.Number,6} {(build.IsQueued ? "queued by" : "on")} {build.Host} {Math.Max(age, 0)} s, {build.Waiters} waiting: {directory.Print(build.Derivation)}")).ConfigureAwait(false);
                }
            },
            cancellation));
        return command;
    }

    private static Command CreateCancel(TextWriter output)
    {
        var name = new Argument<string>("NAME") { Description = "The store" };
        var numbers = new Argument<long[]>("NUMBER") { Description = "Numbers of builds, as list shows them", Arity = ArgumentArity.OneOrMore };
        var asJson = JsonOutput.CreateOption();
        var storage = new StorageArguments();
        var command = new Command("cancel", "End builds, for all who wait for them; their hosts stop within seconds") { name, numbers, asJson };
        storage.AddTo(command);
        command.SetAction((parsed, cancellation) => storage.UseMetadataAsync(
            parsed,
            async metadata =>
            {
                var store = await StorageArguments.FindStoreAsync(metadata, parsed.GetValue(name)!, cancellation).ConfigureAwait(false);
                var cancelled = new List<long>();
                var absent = new List<long>();
                foreach (var number in parsed.GetValue(numbers)!)
                {
                    (await metadata.CancelBuildAsync(store.Id, number, cancellation).ConfigureAwait(false) ? cancelled : absent).Add(number);
                }

                if (parsed.GetValue(asJson))
                {
                    await JsonOutput.WriteAsync(output, json => json.WriteArray("cancelled", cancelled, json.WriteNumberValue)).ConfigureAwait(false);
                }

                foreach (var number in parsed.GetValue(asJson) ? [] : cancelled)
                {
                    await output.WriteLineAsync($"cancelled build {number}").ConfigureAwait(false);
                }

                if (absent.Count > 0)
                {
                    throw new ServerException($"build {absent[0]} does not run in {store.Name}; see nixfuse-server build list {store.Name}");
                }
            },
            cancellation));
        return command;
    }
}
