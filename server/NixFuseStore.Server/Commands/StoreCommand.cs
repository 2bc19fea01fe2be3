using System.CommandLine;
using System.Globalization;
using NixFuseStore.Nix;
using NixFuseStore.Server.Hosting;

namespace NixFuseStore.Server.Commands;

/// <summary><c>nixfuse-server store create|list|show|set|rotate-key|drop-key</c></summary>
internal static class StoreCommand
{
    public static Command Create(TextWriter output) => new("store", "Make, show and change stores")
    {
        CreateCreate(output),
        CreateList(output),
        CreateShow(output),
        StoreSetCommand.Create(output),
        StoreKeyCommands.CreateRotate(output),
        StoreKeyCommands.CreateDrop(output),
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
        var asJson = JsonOutput.CreateOption();
        var storage = new StorageArguments();
        var command = new Command("create", "Make a store, and print its public key") { name, directory, asJson };
        storage.AddTo(command);
        command.SetAction((parsed, cancellation) => storage.UseMetadataAsync(
            parsed,
            mayCreate: true,
            async metadata =>
            {
                var store = await StoreCreation.CreateAsync(metadata, parsed.GetValue(name)!, parsed.GetValue(directory)!, cancellation).ConfigureAwait(false);
                var keys = await metadata.GetSigningKeysAsync(store.Id, cancellation).ConfigureAwait(false);
                await (parsed.GetValue(asJson)
                    ? JsonOutput.WriteAsync(output, json =>
                    {
                        json.WriteString("name", store.Name);
                        json.WriteString("publicKey", keys[0].PublicKey);
                    })
                    : output.WriteLineAsync(keys[0].PublicKey)).ConfigureAwait(false);
            },
            cancellation));
        return command;
    }

    private static Command CreateList(TextWriter output)
    {
        var asJson = JsonOutput.CreateOption();
        var storage = new StorageArguments();
        var command = new Command("list", "List stores by name: name, store directory, paths, size of their NARs") { asJson };
        storage.AddTo(command);
        command.SetAction((parsed, cancellation) => storage.UseMetadataAsync(
            parsed,
            async metadata =>
            {
                var stores = await metadata.ListStoresAsync(cancellation).ConfigureAwait(false);
                var sizes = await metadata.GetStoreSizesAsync(cancellation).ConfigureAwait(false);
                if (parsed.GetValue(asJson))
                {
                    await JsonOutput.WriteAsync(output, json => json.WriteArray("stores", stores, store =>
                    {
                        var size = sizes.GetValueOrDefault(store.Id);
                        json.WriteStartObject();
                        json.WriteString("name", store.Name);
                        json.WriteString("storeDirectory", store.StoreDirectory);
                        json.WriteTime("created", store.Created);
                        json.WriteNumber("paths", size.Paths);
                        json.WriteNumber("narBytes", size.NarBytes);
                        json.WriteEndObject();
                    })).ConfigureAwait(false);
                    return;
                }

                foreach (var store in stores)
                {
                    var size = sizes.GetValueOrDefault(store.Id);
                    await output.WriteLineAsync(string.Create(
                        CultureInfo.InvariantCulture, $"{store.Name}\t{store.StoreDirectory}\t{size.Paths} paths\t{FormatBytes(size.NarBytes)}")).ConfigureAwait(false);
                }
            },
            cancellation));
        return command;
    }

    private static Command CreateShow(TextWriter output)
    {
        var name = new Argument<string>("NAME") { Description = "The store" };
        var asJson = JsonOutput.CreateOption();
        var storage = new StorageArguments();
        var command = new Command("show", "Show a store, its keys and its upstream caches") { name, asJson };
        storage.AddTo(command);
        command.SetAction((parsed, cancellation) => storage.UseMetadataAsync(
            parsed,
            async metadata =>
            {
                var store = await StorageArguments.FindStoreAsync(metadata, parsed.GetValue(name)!, cancellation).ConfigureAwait(false);
                var head = (await metadata.GetHeadEventAsync(store.Id, cancellation).ConfigureAwait(false)).Number;
                var keys = await metadata.GetSigningKeysAsync(store.Id, cancellation).ConfigureAwait(false);
                var sizeMax = Ingest.PathSizeLimit.Parse(await metadata.FindTextAsync(store.Id, Ingest.PathSizeLimit.Setting, cancellation).ConfigureAwait(false));
                var upstreams = await metadata.GetUpstreamsAsync(store.Id, cancellation).ConfigureAwait(false);
                var size = (await metadata.GetStoreSizesAsync(cancellation).ConfigureAwait(false)).GetValueOrDefault(store.Id);
                if (parsed.GetValue(asJson))
                {
                    await JsonOutput.WriteAsync(output, json =>
                    {
                        json.WriteString("name", store.Name);
                        json.WriteString("storeDirectory", store.StoreDirectory);
                        json.WriteString("id", Convert.ToHexStringLower(store.Uuid));
                        json.WriteTime("created", store.Created);
                        json.WriteNumber("newestEvent", head);
                        json.WriteNumber("paths", size.Paths);
                        json.WriteNumber("narBytes", size.NarBytes);
                        json.WriteNumber("largestPathBytes", sizeMax);
                        json.WriteArray("publicKeys", keys, key => json.WriteStringValue(key.PublicKey));
                        json.WriteArray("upstreams", upstreams.Urls, url => json.WriteStringValue(Upstreams.UpstreamAddress.Describe(url)));
                        json.WriteArray("trustedPublicKeys", upstreams.TrustedPublicKeys, key => json.WriteStringValue(key));
                    }).ConfigureAwait(false);
                    return;
                }

                string[] lines =
                [
                    $"name: {store.Name}",
                    $"store directory: {store.StoreDirectory}",
                    $"id: {Convert.ToHexStringLower(store.Uuid)}",
                    $"created: {DateTimeOffset.FromUnixTimeSeconds(store.Created):u}",
                    $"newest event: {head}",
                    string.Create(CultureInfo.InvariantCulture, $"paths: {size.Paths} ({FormatBytes(size.NarBytes)})"),
                    $"largest path: {sizeMax} bytes",
                    .. keys.Select(key => $"public key: {key.PublicKey}"),
                    .. upstreams.Urls.Select(url => $"upstream: {Upstreams.UpstreamAddress.Describe(url)}"),
                    .. upstreams.TrustedPublicKeys.Select(key => $"trusted public key: {key}"),
                ];
                foreach (var line in lines)
                {
                    await output.WriteLineAsync(line).ConfigureAwait(false);
                }
            },
            cancellation));
        return command;
    }

    private static string FormatBytes(long bytes)
    {
        string[] units = ["B", "KiB", "MiB", "GiB", "TiB"];
        var unit = 0;
        var value = (double)bytes;
        while (value >= 1024 && unit + 1 < units.Length)
        {
            value /= 1024;
            unit++;
        }

        return string.Create(CultureInfo.InvariantCulture, $"{value:0.#} {units[unit]}");
    }
}
