namespace NixFuseStore.Settings;

/// <summary>What a value has to be.</summary>
internal enum SettingKind
{
    Text,
    TextList,
}

/// <summary>A key that a settings file may have.</summary>
/// <param name="Table">The table it stands in; empty for the top of the file.</param>
/// <param name="Name">Its name.</param>
/// <param name="Kind">What its value has to be. A list may be written as a single text.</param>
/// <param name="IsSecret">Whether a value is one that other users must not see.</param>
internal sealed record SettingKey(string Table, string Name, SettingKind Kind, Func<string, bool>? IsSecret = null)
{
    /// <summary>As messages name it.</summary>
    public string Title => Table.Length == 0 ? Name : $"{Name} in [{Table}]";

    /// <summary>Whether a URL carries a password.</summary>
    public static bool HoldsPassword(string url)
    {
        var start = url.IndexOf("://", StringComparison.Ordinal);
        if (start < 0)
        {
            return false;
        }

        var authority = url.AsSpan(start + 3);
        var end = authority.IndexOfAny('/', '?', '#');
        var query = end < 0 ? default : authority[end..];
        authority = end < 0 ? authority : authority[..end];
        var at = authority.LastIndexOf('@');
        return (at >= 0 && authority[..at].Contains(':')) || query.Contains("password=", StringComparison.OrdinalIgnoreCase);
    }
}
