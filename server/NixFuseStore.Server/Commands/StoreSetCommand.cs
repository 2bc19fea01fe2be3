using System.CommandLine;
using System.Globalization;
using NixFuseStore.Nix;
using NixFuseStore.Server.Base;
using NixFuseStore.Server.Ingest;
using NixFuseStore.Server.Upstreams;
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
        var pathSize = new Option<string?>("--max-path-size")
        {
            Description = "The NAR of one path may have so many bytes, as 500M or 64G; 'default' for 32G",
            HelpName = "SIZE",
        };
        var storage = new StorageArguments();
        var command = new Command("set", "Change a store") { name, upstreams, keys, noUpstreams, noKeys, pathSize };
        storage.AddTo(command);
        command.SetAction((parsed, cancellation) =>
        {
            var added = new UpstreamSettings([.. parsed.GetValue(upstreams)!.Select(ParseUrl)], [.. parsed.GetValue(keys)!.Select(ParseKey)]);
            if (new[] { upstreams, keys, noUpstreams, noKeys }.All(option => parsed.GetValue(option)!.Length == 0) && parsed.GetValue(pathSize) is null)
            {
                throw new FormatException("say what to set: --upstream, --trusted-public-key, --remove-upstream, --remove-trusted-public-key or --max-path-size (see nixfuse-server store set --help)");
            }

            var removed = new UpstreamSettings([.. parsed.GetValue(noUpstreams)!.Select(ParseUrl)], [.. parsed.GetValue(noKeys)!.Select(ParseKey)]);
            var size = parsed.GetValue(pathSize) is { } text ? ParseSize(text) : null;
            return storage.UseMetadataAsync(
                parsed, metadata => ChangeAsync(metadata, parsed.GetValue(name)!, added, removed, size, output, cancellation), cancellation);
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
        IMetadataStore metadata, string name, UpstreamSettings added, UpstreamSettings removed, string? pathSize, TextWriter output, CancellationToken cancellation)
    {
        var store = await StorageArguments.FindStoreAsync(metadata, name, cancellation).ConfigureAwait(false);
        var before = await metadata.GetUpstreamsAsync(store.Id, cancellation).ConfigureAwait(false);

        // A list shows no user and password, so the address alone is enough to remove one.
        string[] removedUrls = [.. before.Urls.Where(url => removed.Urls.Contains(url) || removed.Urls.Contains(UpstreamAddress.Hide(url)))];
        if (removed.Urls.FirstOrDefault(url => !removedUrls.Any(known => known == url || UpstreamAddress.Hide(known) == url)) is { } absent)
        {
            throw new ServerException($"nothing was changed: store {store.Name} has no upstream {UpstreamAddress.Hide(absent)} (see nixfuse-server store show {store.Name})");
        }

        if (removed.TrustedPublicKeys.Except(before.TrustedPublicKeys).FirstOrDefault() is { } key)
        {
            throw new ServerException($"nothing was changed: store {store.Name} does not trust the key {key} (see nixfuse-server store show {store.Name})");
        }

        if (pathSize is not null)
        {
            await metadata.SetTextAsync(store.Id, PathSizeLimit.Setting, pathSize.Length == 0 ? null : pathSize, cancellation).ConfigureAwait(false);
        }

        await metadata.ChangeUpstreamsAsync(store.Id, added, removed with { Urls = removedUrls }, cancellation).ConfigureAwait(false);
        var settings = await metadata.GetUpstreamsAsync(store.Id, cancellation).ConfigureAwait(false);
        if (settings.Urls.Count > 0 && settings.TrustedPublicKeys.Count == 0)
        {
            await output.WriteLineAsync("note: nothing comes from upstream before there is a --trusted-public-key").ConfigureAwait(false);
        }
    }

    private static string ParseUrl(string text) =>
        UpstreamAddress.Parse(text).StoredText;

    /// <summary>Bytes as text; empty for the default.</summary>
    private static string ParseSize(string text)
    {
        if (text == "default")
        {
            return "";
        }

        var shift = text.Length == 0 ? 0 : char.ToUpperInvariant(text[^1]) switch { 'K' => 10, 'M' => 20, 'G' => 30, 'T' => 40, _ => 0 };
        return ulong.TryParse(shift == 0 ? text : text[..^1], NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0 && number <= (ulong)long.MaxValue >> shift
            ? (number << shift).ToString(CultureInfo.InvariantCulture)
            : throw new FormatException($"--max-path-size '{text}' is no size: a whole number of bytes, with K, M, G or T behind it, or 'default'");
    }

    private static string ParseKey(string text) =>
        NixPublicKey.TryParse(text, out var key) ? key!.ToString() : throw new FormatException($"'{text}' is no public key (name:base64 of 32 bytes)");
}
