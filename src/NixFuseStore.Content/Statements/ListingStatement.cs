using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using NixFuseStore.Nix;

namespace NixFuseStore.Content;

/// <summary>
/// What a store says of the paths of a listing, and signs with its key: one signature for thousands of paths, where one each would cost 100 µs
/// each to check. It says that these paths are valid and what their roots are; it does not say that there are no others.
/// </summary>
/// <remarks>
/// The text, each line ended by a line feed:
/// <code>
/// nixfuse-listing-1
/// store main
/// directory /nix/store
/// paths 5f1c…                        (hexadecimal SHA-256 over one line a path: base name, kind, executable 0 or 1, size, entries, manifest)
/// </code>
/// </remarks>
public sealed class ListingStatement : IDisposable
{
    private const string Prefix = "nixfuse-listing-1";

    private readonly IncrementalHash _paths = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly string _store;
    private readonly StoreDirectory _directory;
    private byte[]? _text;

    /// <summary>An empty listing of a store.</summary>
    public ListingStatement(string store, StoreDirectory directory)
    {
        ArgumentNullException.ThrowIfNull(directory);
        _store = store;
        _directory = directory;
    }

    /// <summary>Adds a path. The order counts.</summary>
    public void Add(string baseName, EntryKind kind, bool isExecutable, ulong size, int entryCount, ManifestDigest manifest)
    {
        ObjectDisposedException.ThrowIf(_text is not null, this);
        string line = string.Create(CultureInfo.InvariantCulture, $"{baseName} {(int)kind} {(isExecutable ? 1 : 0)} {size} {entryCount} {manifest}\n");
        _paths.AppendData(Encoding.UTF8.GetBytes(line));
    }

    /// <summary>Signs what was added; nothing can be added afterwards.</summary>
    public NixSignature Sign(NixSecretKey key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return key.Sign(Text());
    }

    /// <summary>Whether the signature is one of what was added by any of the keys; nothing can be added afterwards.</summary>
    public bool IsSignedByAny(IEnumerable<NixPublicKey> keys, NixSignature signature)
    {
        ArgumentNullException.ThrowIfNull(keys);
        ArgumentNullException.ThrowIfNull(signature);
        var text = Text();
        return keys.Any(key => key.Verify(text, signature));
    }

    /// <inheritdoc/>
    public void Dispose() => _paths.Dispose();

    private byte[] Text() => _text ??= Encoding.UTF8.GetBytes(
        $"{Prefix}\nstore {_store}\ndirectory {_directory.Path}\npaths {Convert.ToHexStringLower(_paths.GetHashAndReset())}\n");
}
