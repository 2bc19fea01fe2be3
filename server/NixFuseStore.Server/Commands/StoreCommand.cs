using System.CommandLine;
using NixFuseStore.Nix;
using NixFuseStore.Server.Hosting;

namespace NixFuseStore.Server.Commands;

/// <summary><c>nixfuse-server store create|list|show|set</c></summary>
internal static class StoreCommand
{
    public static Command Create(TextWriter output) => new("store", "Make, show and change stores")
    {
        CreateCreate(output),
        CreateList(output),
        CreateShow(output),
        StoreSetCommand.Create(output),
    };

    private static Command CreateCreate(TextWriter output)
    {
        var name = new Argument<string>("NAME") { Description = "What clients call the store" };
        var directory = new Option<string>("--store-directory")
        {
            Description = "The directory that its paths name; cannot be changed later",
            HelpName = "DIR",
            DefaultValueFactory = _ => StoreDirectory.Default.Path,
        };
        var storage = new StorageArguments();
        var command = new Command("create", "Make a store") { name, directory };
        storage.AddTo(command);
        command.SetAction((parsed, cancellation) => storage.UseMetadataAsync(
            parsed,
            mayCreate: true,
            async metadata =>
            {
                var store = await StoreCreation.CreateAsync(metadata, parsed.GetValue(name)!, parsed.GetValue(directory)!, cancellation).ConfigureAwait(false);
                var keys = await metadata.GetSigningKeysAsync(store.Id, cancellation).ConfigureAwait(false);
                await output.WriteLineAsync(keys[0].PublicKey).ConfigureAwait(false);
            },
            cancellation));
        return command;
    }

    private static Command CreateList(TextWriter output)
    {
        var storage = new StorageArguments();
        var command = new Command("list", "List stores by name");
        storage.AddTo(command);
        command.SetAction((parsed, cancellation) => storage.UseMetadataAsync(
            parsed,
            async metadata =>
            {
                foreach (var store in await metadata.ListStoresAsync(cancellation).ConfigureAwait(false))
                {
                    await output.WriteLineAsync($"{store.Name}\t{store.StoreDirectory}").ConfigureAwait(false);
                }
            },
            cancellation));
        return command;
    }

    private static Command CreateShow(TextWriter output)
    {
        var name = new Argument<string>("NAME") { Description = "The store" };
        var storage = new StorageArguments();
        var command = new Command("show", "Show a store, its keys and its upstream caches") { name };
        storage.AddTo(command);
        command.SetAction((parsed, cancellation) => storage.UseMetadataAsync(
            parsed,
            async metadata =>
            {
                var store = await StorageArguments.FindStoreAsync(metadata, parsed.GetValue(name)!, cancellation).ConfigureAwait(false);
                await output.WriteLineAsync($"name: {store.Name}").ConfigureAwait(false);
                await output.WriteLineAsync($"store directory: {store.StoreDirectory}").ConfigureAwait(false);
                await output.WriteLineAsync($"id: {Convert.ToHexStringLower(store.Uuid)}").ConfigureAwait(false);
                await output.WriteLineAsync($"created: {DateTimeOffset.FromUnixTimeSeconds(store.Created):u}").ConfigureAwait(false);
                await output.WriteLineAsync($"newest event: {(await metadata.GetHeadEventAsync(store.Id, cancellation).ConfigureAwait(false)).Number}").ConfigureAwait(false);
                foreach (var key in await metadata.GetSigningKeysAsync(store.Id, cancellation).ConfigureAwait(false))
                {
                    await output.WriteLineAsync($"public key: {key.PublicKey}").ConfigureAwait(false);
                }

                var upstreams = await metadata.GetUpstreamsAsync(store.Id, cancellation).ConfigureAwait(false);
                foreach (var url in upstreams.Urls)
                {
                    await output.WriteLineAsync($"upstream: {Upstreams.UpstreamAddress.Describe(url)}").ConfigureAwait(false);
                }

                foreach (var key in upstreams.TrustedPublicKeys)
                {
                    await output.WriteLineAsync($"trusted public key: {key}").ConfigureAwait(false);
                }
            },
            cancellation));
        return command;
    }
}
