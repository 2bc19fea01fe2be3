using System.Text;

namespace NixFuseStore.Nix.BinaryCaches;

/// <summary>A .narinfo file of a binary cache: the record of a path and where its compressed NAR is. Parsing is in the other file.</summary>
public sealed partial record NarInfo
{
    /// <summary>What the path's store would record; time of registration and "ultimate" are not part of the file.</summary>
    public required PathInfo Info { get; init; }

    /// <summary>Where the compressed NAR is, relative to the cache's root.</summary>
    public required string Url { get; init; }

    /// <summary><c>none</c>, <c>xz</c>, <c>zstd</c>, <c>bzip2</c>, … ; a file without it means <c>bzip2</c>.</summary>
    public string Compression { get; init; } = "bzip2";

    /// <summary>The hash of the compressed file, where stated.</summary>
    public NixHash? FileHash { get; init; }

    /// <summary>Bytes of the compressed file; 0 where not stated.</summary>
    public ulong FileSize { get; init; }

    /// <summary>The text of the file, as Nix prints it.</summary>
    public string Print(StoreDirectory directory)
    {
        ArgumentNullException.ThrowIfNull(directory);
        var text = new StringBuilder();
        text.Append("StorePath: ").Append(directory.Print(Info.Path)).Append('\n');
        text.Append("URL: ").Append(Url).Append('\n');
        text.Append("Compression: ").Append(Compression).Append('\n');
        if (FileHash is not null)
        {
            text.Append("FileHash: ").Append(FileHash).Append('\n');
        }

        if (FileSize != 0)
        {
            text.Append("FileSize: ").Append(FileSize).Append('\n');
        }

        text.Append("NarHash: ").Append(Info.NarHash).Append('\n');
        text.Append("NarSize: ").Append(Info.NarSize).Append('\n');

        // Readers take two characters off after the key, so the space stays where there is no reference.
        text.Append("References: ").AppendJoin(' ', Info.References).Append('\n');
        if (Info.Deriver is { } deriver)
        {
            text.Append("Deriver: ").Append(deriver).Append('\n');
        }

        foreach (var signature in Info.Signatures)
        {
            text.Append("Sig: ").Append(signature).Append('\n');
        }

        if (Info.ContentAddress is { } address)
        {
            text.Append("CA: ").Append(address).Append('\n');
        }

        return text.ToString();
    }
}
