using System.Security.Cryptography;
using NixFuseStore.EndToEnd.Tests.Fixtures;

namespace NixFuseStore.EndToEnd.Tests.NixCommands;

/// <summary>One Nix, the store that it is tried on, and the truth.</summary>
/// <param name="Nix">Whose commands run.</param>
/// <param name="Source">The truth.</param>
/// <param name="Target">The store under test.</param>
internal sealed record CommandRun(NixClient Nix, SourceStore Source, StoreUnderTest Target)
{
    /// <summary>Runs a command line with the store under test as default store.</summary>
    public CommandResult AtTarget(string line, string configuration = "", string? inputFile = null, string? outputFile = null) =>
        At(Target.Url, line, configuration, inputFile, outputFile);

    /// <summary>Runs a command line with the source store as default store.</summary>
    public CommandResult AtSource(string line, string? outputFile = null) => At(Source.Root, line, outputFile: outputFile);

    public CommandResult At(string store, string line, string configuration = "", string? inputFile = null, string? outputFile = null) =>
        Nix.Run(store, Source.Expand(line), configuration, inputFile, outputFile);

    /// <summary>A path of a new file or folder for a command's use.</summary>
    public string Scratch(string name) => Path.Combine(Nix.Folder, name);

    /// <summary>Writes a file that a command is to take.</summary>
    public string ScratchFile(string name, string text)
    {
        File.WriteAllText(Scratch(name), text);
        return Scratch(name);
    }

    /// <summary>Makes a link to a path, known to the store as a root.</summary>
    public string AddRoot(string word)
    {
        var link = Scratch("root-of-" + word);
        Assert.Equal(link, AtTarget($"nix-store --realise {word} --add-root {link}").Succeeded().Trim());
        return link;
    }

    /// <summary>What the store lists as roots, as "link -> path". Some releases put the link between quotes.</summary>
    public string[] Roots() => AtTarget("nix-store --gc --print-roots").Lines().Select(line => line.Replace("\"", "", StringComparison.Ordinal)).ToArray();

    /// <summary>Paths have the bytes that the source has, read from the disk or mount of a store.</summary>
    public void AssertSameContent(string root, params IReadOnlyCollection<string> paths) => Source.Store.AssertSameContentIn(root, paths);

    /// <summary>A store says about paths what the source says.</summary>
    public void AssertSameInfo(string store, params IEnumerable<string> paths)
    {
        var line = "nix path-info --json " + string.Join(' ', paths);
        Assert.Equal(PathInfoJson.Comparable(AtSource(line).Succeeded()), PathInfoJson.Comparable(At(store, line).Succeeded()));
    }

    /// <summary>A file holds the NAR of a path.</summary>
    public void AssertNar(string file, string word)
    {
        using var stream = File.OpenRead(file);
        Assert.Equal(Source.Store.NarHashes()[Source[word]], Convert.ToHexStringLower(SHA256.HashData(stream)));
    }
}
