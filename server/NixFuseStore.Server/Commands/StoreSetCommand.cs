using System.CommandLine;
using NixFuseStore.Nix;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Commands;

/// <summary><c>nixfuse-server store set</c>: where a store gets paths from that it does not have. Running servers follow within seconds.</summary>
internal static class StoreSetCommand
{
    public static Command Create(TextWriter output)
    {
        var name = new Argument<string>("NAME") { Description = "The store" };
        var upstreams = Several("--upstream", "URL", "A binary cache to get paths from that the store does not have; asked in the order in which they were added");
        var keys = Several("--trusted-public-key", "KEY", "A key, one of which must have signed what comes from upstream");
        var noUpstreams = Several("--remove-upstream", "URL", "A binary cache to use no more");
        var noKeys = Several("--remove-trusted-public-key", "KEY", "A key to trust no more");
        var storage = new StorageArguments();
        var command = new Command("set", "Change a store") { name, upstreams, keys, noUpstreams, noKeys };
        storage.AddTo(command);
        command.SetAction((parsed, cancellation) =>
        {
            var added = new UpstreamSettings([.. parsed.GetValue(upstreams)!.Select(ParseUrl)], [.. parsed.GetValue(keys)!.Select(ParseKey)]);
            var removed = new UpstreamSettings([.. parsed.GetValue(noUpstreams)!.Select(ParseUrl)], [.. parsed.GetValue(noKeys)!.Select(ParseKey)]);
            return storage.UseMetadataAsync(
                parsed, metadata => ChangeAsync(metadata, parsed.GetValue(name)!, added, removed, output, cancellation), cancellation);
        });
        return command;
    }

    private static Option<string[]> Several(string name, string helpName, string description) => new(name)
    {
        Description = description,
        HelpName = helpName,
        DefaultValueFactory = _ => [],
    };

    private static async Task ChangeAsync(
        IMetadataStore metadata, string name, UpstreamSettings added, UpstreamSettings removed, TextWriter output, CancellationToken cancellation)
    {
        var store = await StorageArguments.FindStoreAsync(metadata, name, cancellation).ConfigureAwait(false);
        await metadata.ChangeUpstreamsAsync(store.Id, added, removed, cancellation).ConfigureAwait(false);
        var settings = await metadata.GetUpstreamsAsync(store.Id, cancellation).ConfigureAwait(false);
        if (settings.Urls.Count > 0 && settings.TrustedPublicKeys.Count == 0)
        {
            await output.WriteLineAsync("note: nothing comes from upstream before there is a --trusted-public-key").ConfigureAwait(false);
        }
    }

    private static string ParseUrl(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme is "http" or "https" && url.Query.Length == 0 && url.Fragment.Length == 0 && url.UserInfo.Length == 0
            ? url.AbsoluteUri.TrimEnd('/')
            : throw new FormatException($"'{text}' is no URL of a binary cache: http://HOST/… or https://HOST/…, without parameters");

    private static string ParseKey(string text) =>
        NixPublicKey.TryParse(text, out var key) ? key!.ToString() : throw new FormatException($"'{text}' is no public key (name:base64 of 32 bytes)");
}
