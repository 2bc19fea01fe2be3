using System.CommandLine;
using System.Globalization;
using NixFuseStore.Nix;
using NixFuseStore.Server.Base;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Commands;

/// <summary>
/// <c>nixfuse-server store rotate-key|drop-key</c>: a store gets a new key, servers sign its paths again, and the old key goes once clients
/// know the new one. Between the two commands paths carry both signatures.
/// </summary>
internal static class StoreKeyCommands
{
    public static Command CreateRotate(TextWriter output)
    {
        var name = new Argument<string>("NAME") { Description = "The store" };
        var asJson = JsonOutput.CreateOption();
        var storage = new StorageArguments();
        var command = new Command("rotate-key", "Make a new signing key, and print its public half; running servers sign all paths again with it") { name, asJson };
        storage.AddTo(command);
        command.SetAction((parsed, cancellation) => storage.UseMetadataAsync(
            parsed,
            async metadata =>
            {
                var store = await StorageArguments.FindStoreAsync(metadata, parsed.GetValue(name)!, cancellation).ConfigureAwait(false);
                var keys = await metadata.GetSigningKeysAsync(store.Id, cancellation).ConfigureAwait(false);
                var key = NixSecretKey.Generate(string.Create(CultureInfo.InvariantCulture, $"{store.Name}-{NextNumber(keys)}"));
                await metadata.AddSigningKeyAsync(store.Id, key.ToSecretText(), key.PublicKey.ToString(), cancellation).ConfigureAwait(false);
                await (parsed.GetValue(asJson)
                    ? JsonOutput.WriteAsync(output, json => json.WriteString("publicKey", key.PublicKey.ToString()))
                    : output.WriteLineAsync(key.PublicKey.ToString())).ConfigureAwait(false);
                await parsed.InvocationConfiguration.Error.WriteLineAsync(
                    $"nixfuse-server: give clients this key beside the old one; once all paths carry its signature (see nixfuse-server store show {store.Name}), drop the old one: nixfuse-server store drop-key {store.Name} {NameOf(keys[0])}").ConfigureAwait(false);
            },
            cancellation));
        return command;
    }

    public static Command CreateDrop(TextWriter output)
    {
        var name = new Argument<string>("NAME") { Description = "The store" };
        var key = new Argument<string>("KEY") { Description = "The key, name:base64 or its name alone" };
        var force = new Option<bool>("--force") { Description = "Also while paths are not signed by a newer key yet; clients cannot verify these until they are" };
        var asJson = JsonOutput.CreateOption();
        var storage = new StorageArguments();
        var command = new Command("drop-key", "Drop an old signing key and its signatures") { name, key, force, asJson };
        storage.AddTo(command);
        command.SetAction((parsed, cancellation) => storage.UseMetadataAsync(
            parsed,
            async metadata =>
            {
                var store = await StorageArguments.FindStoreAsync(metadata, parsed.GetValue(name)!, cancellation).ConfigureAwait(false);
                var keys = await metadata.GetSigningKeysAsync(store.Id, cancellation).ConfigureAwait(false);
                var wanted = parsed.GetValue(key)!;
                var old = keys.FirstOrDefault(known => known.PublicKey == wanted || NameOf(known) == wanted)
                    ?? throw new ServerException($"store {store.Name} has no key {wanted} (see nixfuse-server store show {store.Name})");
                if (old == keys[0])
                {
                    throw new ServerException($"{NameOf(old)} is the key that store {store.Name} signs with: make a new one first, with nixfuse-server store rotate-key {store.Name}");
                }

                var left = await metadata.CountUnsignedPathsAsync(store.Id, NameOf(keys[0]), cancellation).ConfigureAwait(false);
                if (left > 0 && !parsed.GetValue(force))
                {
                    throw new ServerException(string.Create(
                        CultureInfo.InvariantCulture,
                        $"{left} paths of store {store.Name} are not signed by {NameOf(keys[0])} yet: a running server signs them in the background; try again later, or give --force"));
                }

                await metadata.RemoveSigningKeyAsync(store.Id, old.PublicKey, cancellation).ConfigureAwait(false);
                await (parsed.GetValue(asJson)
                    ? JsonOutput.WriteAsync(output, json => json.WriteString("dropped", old.PublicKey))
                    : output.WriteLineAsync($"dropped {old.PublicKey}")).ConfigureAwait(false);
            },
            cancellation));
        return command;
    }

    private static string NameOf(SigningKeyRecord key) => key.PublicKey[..key.PublicKey.IndexOf(':', StringComparison.Ordinal)];

    /// <summary>The number behind the last dash tells a store's keys apart; a dropped key's number does not come back while a newer one is there.</summary>
    private static int NextNumber(IReadOnlyList<SigningKeyRecord> keys) => 1 + keys.Max(key =>
        int.TryParse(NameOf(key).AsSpan(NameOf(key).LastIndexOf('-') + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0);
}
