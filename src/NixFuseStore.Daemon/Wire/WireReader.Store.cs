using System.Text;
using NixFuseStore.Nix;

namespace NixFuseStore.Daemon.Wire;

/// <content>The store's own types. Text that is none of them makes the request ill-formed.</content>
internal sealed partial class WireReader
{
    /// <summary>Reads a full store path.</summary>
    internal ValueTask<StorePath> ReadPathAsync(StoreDirectory directory)
    {
        var bytes = ReadBytesAsync(WireLimits.PathBytesMax);
        return bytes.IsCompletedSuccessfully ? new(ParsePath(directory, bytes.Result.Span)) : AwaitPathAsync(directory, bytes);
    }

    /// <summary>Reads a full store path, or an empty string for none.</summary>
    internal async ValueTask<StorePath?> ReadOptionalPathAsync(StoreDirectory directory)
    {
        var bytes = await ReadBytesAsync(WireLimits.PathBytesMax);
        return bytes.IsEmpty ? null : ParsePath(directory, bytes.Span);
    }

    /// <summary>Reads paths in any order; they are returned ascending, each once.</summary>
    internal async ValueTask<List<StorePath>> ReadPathsAsync(StoreDirectory directory)
    {
        int count = await ReadCountAsync();
        var paths = new List<StorePath>();
        bool ascending = true;
        for (int i = 0; i < count; i++)
        {
            var path = await ReadPathAsync(directory);
            ascending &= i == 0 || paths[i - 1] < path;
            paths.Add(path);
        }

        return ascending ? paths : [.. paths.Distinct().Order()];
    }

    /// <summary>Reads a content address, or an empty string for none.</summary>
    internal async ValueTask<ContentAddress?> ReadContentAddressAsync()
    {
        string text = await ReadTextAsync();
        return text.Length == 0 ? null
            : ContentAddress.TryParse(text, out var address) ? address
            : throw new WireException($"'{text}' is not a content address");
    }

    /// <summary>Reads signatures.</summary>
    internal async ValueTask<List<NixSignature>> ReadSignaturesAsync()
    {
        int count = await ReadCountAsync();
        var signatures = new List<NixSignature>();
        for (int i = 0; i < count; i++)
        {
            string text = await ReadTextAsync();
            signatures.Add(NixSignature.TryParse(text, out var signature)
                ? signature!
                : throw new WireException($"'{text}' is not a signature (name:base64)"));
        }

        return signatures;
    }

    /// <summary>Reads a path and what is recorded of it.</summary>
    internal async ValueTask<PathInfo> ReadPathInfoAsync(StoreDirectory directory) =>
        await ReadUnkeyedPathInfoAsync(directory, await ReadPathAsync(directory));

    /// <summary>Reads what is recorded of a path.</summary>
    internal async ValueTask<PathInfo> ReadUnkeyedPathInfoAsync(StoreDirectory directory, StorePath path)
    {
        var deriver = await ReadOptionalPathAsync(directory);
        string hash = await ReadTextAsync();
        return new PathInfo
        {
            Path = path,
            Deriver = deriver,
            NarHash = NixHash.TryParse(hash, NixHashAlgorithm.Sha256, out var narHash)
                ? narHash!
                : throw new WireException($"'{hash}' is not a SHA-256"),
            References = await ReadPathsAsync(directory),
            RegistrationTime = await ReadTimeAsync(),
            NarSize = await ReadNumberAsync(),
            Ultimate = await ReadBoolAsync(),
            Signatures = await ReadSignaturesAsync(),
            ContentAddress = await ReadContentAddressAsync(),
        };
    }

    private static async ValueTask<StorePath> AwaitPathAsync(StoreDirectory directory, ValueTask<ReadOnlyMemory<byte>> bytes) =>
        ParsePath(directory, (await bytes).Span);

    private static StorePath ParsePath(StoreDirectory directory, ReadOnlySpan<byte> text)
    {
        var prefix = directory.PrefixBytes;
        return text.StartsWith(prefix) && StorePath.TryParseBaseName(text[prefix.Length..], out var path)
            ? path
            : throw new WireException($"'{Encoding.UTF8.GetString(text)}' is not a path in the store {directory}");
    }
}
