using System.CommandLine;
using NixFuseStore.Nix;
using NixFuseStore.Server.Base;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Commands;

/// <summary><c>nixfuse-server path revoke</c></summary>
internal static class PathCommand
{
    public static Command Create(TextWriter output) => new("path", "Take paths out of a store")
    {
        CreateRevoke(output),
    };

    private static Command CreateRevoke(TextWriter output)
    {
        var name = new Argument<string>("NAME") { Description = "The store" };
        var paths = new Argument<string[]>("PATH") { Description = "Store paths, or their base names", Arity = ArgumentArity.OneOrMore };
        var referrers = new Option<bool>("--with-referrers") { Description = "Also all paths that refer to them" };
        var asJson = JsonOutput.CreateOption();
        var storage = new StorageArguments();
        var command = new Command("revoke", "Delete paths from a store; they are gone from every mount within a second") { name, paths, referrers, asJson };
        storage.AddTo(command);
        command.SetAction((parsed, cancellation) => storage.UseMetadataAsync(
            parsed,
            async metadata =>
            {
                var store = await StorageArguments.FindStoreAsync(metadata, parsed.GetValue(name)!, cancellation).ConfigureAwait(false);
                var directory = new StoreDirectory(store.StoreDirectory);
                var wanted = parsed.GetValue(paths)!.Select(path => Parse(path, directory)).ToHashSet();
                var revoked = await RevokeAsync(metadata, store, wanted, parsed.GetValue(referrers), cancellation).ConfigureAwait(false);
                if (parsed.GetValue(asJson))
                {
                    await JsonOutput.WriteAsync(
                        output, json => json.WriteArray("revoked", revoked, path => json.WriteStringValue(directory.Print(path)))).ConfigureAwait(false);
                    return;
                }

                foreach (var path in revoked)
                {
                    await output.WriteLineAsync($"revoked {directory.Print(path)}").ConfigureAwait(false);
                }
            },
            cancellation));
        return command;
    }

    private static async Task<IReadOnlyList<StorePath>> RevokeAsync(
        IMetadataStore metadata, StoreRecord store, HashSet<StorePath> wanted, bool withReferrers, CancellationToken cancellation)
    {
        // 1. All of them have to be there, so that a slip of the pen is not taken for a success.
        var valid = await metadata.QueryPathsAsync(store.Id, [.. wanted.Select(path => path.HashPart)], cancellation).ConfigureAwait(false);
        StorePath[] absent = [.. wanted.Except(valid.Select(path => path.Path))];
        if (absent.Length > 0)
        {
            throw new ServerException($"nothing was revoked: {absent[0]} is not valid in {store.Name}");
        }

        // 2. Referrers come to light a level at a time, and new ones may appear meanwhile.
        while (true)
        {
            var result = await metadata.RevokePathsAsync(store.Id, [.. wanted], cancellation).ConfigureAwait(false);
            if (result.Referrers.Count == 0)
            {
                return result.Revoked;
            }

            if (!withReferrers)
            {
                var more = result.Referrers.Count > 1 ? $" and {result.Referrers.Count - 1} more" : "";
                throw new ServerException($"nothing was revoked: {result.Referrers[0]}{more} refer to these paths; name them too, or give --with-referrers");
            }

            wanted.UnionWith(result.Referrers);
        }
    }

    private static StorePath Parse(string text, StoreDirectory directory)
    {
        var baseName = text.StartsWith(directory.Path + "/", StringComparison.Ordinal) ? text[(directory.Path.Length + 1)..] : text;
        return StorePath.TryParseBaseName(baseName, out var path)
            ? path
            : throw new FormatException($"'{text}' is not a path of {directory.Path}");
    }
}
