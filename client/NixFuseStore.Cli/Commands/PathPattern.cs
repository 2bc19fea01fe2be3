using NixFuseStore.Nix;

namespace NixFuseStore.Cli.Commands;

/// <summary>What a user calls paths by: a word of their names, the beginning of a hash, a base name, or a whole path.</summary>
internal sealed class PathPattern
{
    private PathPattern(string text, string prefix)
    {
        Text = text;
        Prefix = prefix;
    }

    /// <summary>What is looked for, without the store's directory.</summary>
    public string Text { get; }

    /// <summary>Base names that match begin so; empty where only looking at all of them tells.</summary>
    public string Prefix { get; }

    public static PathPattern Parse(string text, StoreDirectory directory)
    {
        var wanted = text.StartsWith(directory.Path + "/", StringComparison.Ordinal) ? text[(directory.Path.Length + 1)..] : text;
        var isBaseName = wanted.Length > StorePath.HashPartLength && wanted[StorePath.HashPartLength] == '-' && StorePath.IsHashPart(wanted[..StorePath.HashPartLength]);
        return new PathPattern(wanted, isBaseName ? wanted : "");
    }

    /// <summary>Whether a path with that base name is meant. Names are compared without regard to case.</summary>
    public bool Matches(string baseName) =>
        baseName.StartsWith(Text, StringComparison.Ordinal)
        || (baseName.Length > StorePath.HashPartLength && baseName.AsSpan(StorePath.HashPartLength + 1).Contains(Text, StringComparison.OrdinalIgnoreCase));
}
