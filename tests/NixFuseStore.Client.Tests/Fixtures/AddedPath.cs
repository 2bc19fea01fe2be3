using System.Text;
using NixFuseStore.Client.Adding;
using NixFuseStore.Nix;
using NixFuseStore.Nix.Archives;

namespace NixFuseStore.Client.Tests.Fixtures;

/// <summary>A path to be added by its NAR, as a daemon's client would.</summary>
internal sealed record AddedPath(PathInfo Info, byte[] Nar)
{
    public StorePath Path => Info.Path;

    /// <summary>A tree under any name.</summary>
    public static AddedPath Of(string baseName, SourceEntry tree, params AddedPath[] references)
    {
        var nar = Write(tree);
        return new AddedPath(
            new PathInfo
            {
                Path = StorePath.ParseBaseName(baseName),
                NarHash = NixHash.Sha256(nar),
                NarSize = (ulong)nar.Length,
                References = [.. references.Select(reference => reference.Path).Order()],
            },
            nar);
    }

    /// <summary>A text, whose name is computed from its contents, as each .drv is.</summary>
    public static AddedPath Text(string name, string text, params AddedPath[] references)
    {
        var hash = NixHash.Sha256(Encoding.UTF8.GetBytes(text));
        var path = StorePathComputation.MakeText(StoreDirectory.Default, name, hash, references.Select(reference => reference.Path));
        var plain = Of(path.BaseName, SourceEntry.File(text), references);
        return plain with { Info = plain.Info with { ContentAddress = new ContentAddress(ContentAddressMethod.Text, hash) } };
    }

    /// <summary>A tree whose name is computed from its NAR, as a source's is.</summary>
    public static AddedPath Tree(string name, SourceEntry tree)
    {
        var address = new ContentAddress(ContentAddressMethod.Nar, NixHash.Sha256(Write(tree)));
        var plain = Of(StorePathComputation.MakeFixed(StoreDirectory.Default, name, address).BaseName, tree);
        return plain with { Info = plain.Info with { ContentAddress = address } };
    }

    /// <summary>Adds it, in pieces of random sizes.</summary>
    public async Task<PathInfo> AddAsync(StoreWriter writer, Random? random = null)
    {
        await using var import = writer.BeginImport();
        for (var at = 0; at < Nar.Length;)
        {
            var length = Math.Min(Nar.Length - at, 1 + (random?.Next(300_000) ?? Nar.Length));
            var taken = await import.WriteAsync(Nar.AsMemory(at, length), ReaderExtensions.Token);
            if (taken < length)
            {
                throw new NarFormatException("There are bytes behind the end of the NAR.");
            }

            at += length;
        }

        return await import.RegisterAsync(Info, ReaderExtensions.Token);
    }

    private static byte[] Write(SourceEntry tree)
    {
        using var stream = new MemoryStream();
        tree.Send(new NarWriter(stream));
        return stream.ToArray();
    }
}
