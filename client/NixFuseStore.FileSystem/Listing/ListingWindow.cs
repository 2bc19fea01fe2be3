using NixFuseStore.Client.Paths;


namespace NixFuseStore.FileSystem.Listing;

/// <summary>
/// A stretch of the store's listing, kept so that a listing page of 4 KiB does not cost a question to the server. It never ends
/// between two names that share a prefix, so that the cookie of every name in it is known. Immutable.
/// </summary>
internal sealed class ListingWindow(string after, ListingEntry[] entries, bool isLast, int version, DateTimeOffset fetched)
{
    public ListingEntry[] Entries => entries;

    /// <summary>Nothing follows.</summary>
    public bool IsLast => isLast;

    /// <summary>The listing's version that this was asked for under.</summary>
    public int Version => version;

    public DateTimeOffset Fetched => fetched;

    /// <summary>Whether what comes next behind a name stands here (or that nothing does).</summary>
    public bool Covers(string name)
        => string.CompareOrdinal(after, name) <= 0
            && (isLast || (entries.Length > 0 && string.CompareOrdinal(name, entries[^1].BaseName) < 0));

    /// <summary>Index of the first entry behind a name.</summary>
    public int IndexBehind(string name)
    {
        int low = 0, high = entries.Length;
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (string.CompareOrdinal(entries[middle].BaseName, name) <= 0)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }

    /// <summary>Index of a name, or -1.</summary>
    public int IndexOf(string name)
    {
        var behind = IndexBehind(name);
        return behind > 0 && entries[behind - 1].BaseName == name ? behind - 1 : -1;
    }
}
