using NixFuseStore.Nix;
using NixFuseStore.Nix.BinaryCaches;

namespace NixFuseStore.Storage.Metadata;

/// <summary>
/// A NAR that a client uploaded to a store's binary cache, under the name that its uploader will go on using. The content lies in
/// chunks; this is what it takes to register it once the .narinfo comes, and to write the file out again.
/// </summary>
public sealed record NarFile
{
    /// <summary>The name behind <c>nar/</c>. It begins with the file's own hash, so it stands for one content for ever.</summary>
    public required string Name { get; init; }

    /// <summary>How the file was compressed.</summary>
    public required NarCompression Compression { get; init; }

    /// <summary>SHA-256 of the NAR, 32 bytes.</summary>
    public required byte[] NarHash { get; init; }

    /// <summary>Bytes of the NAR.</summary>
    public required ulong NarSize { get; init; }

    /// <summary>Bytes of the file as it was uploaded.</summary>
    public required ulong FileSize { get; init; }

    /// <summary>The manifest in the server's own form, until a path that has it is valid; null from then on.</summary>
    public byte[]? Draft { get; init; }

    /// <summary>The valid path that the file became; null before.</summary>
    public StorePath? Path { get; init; }
}
