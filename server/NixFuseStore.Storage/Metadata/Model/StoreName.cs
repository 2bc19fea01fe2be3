namespace NixFuseStore.Storage.Metadata;

/// <summary>What stores may be called, in the one place that everything asks: names stand in URLs, options and file names.</summary>
public static class StoreName
{
    /// <summary>Characters of a name at most.</summary>
    public const int LengthMax = 100;

    /// <summary>The rule, for messages: "NAME cannot be the name of a store: " and this.</summary>
    public const string Rule = "use 1 to 100 ASCII letters, digits, '.', '-' and '_', and begin with a letter, a digit or '_'";

    /// <summary>Whether a store may have this name.</summary>
    public static bool IsValid(string name) =>
        name is { Length: >= 1 and <= LengthMax }
        && name[0] is not ('.' or '-')
        && name.All(static character => char.IsAsciiLetterOrDigit(character) || character is '.' or '-' or '_');
}
