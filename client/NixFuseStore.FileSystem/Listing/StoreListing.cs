using NixFuseStore.Client.Contracts;
using NixFuseStore.Client.Paths;


namespace NixFuseStore.FileSystem.Listing;

/// <summary>
/// The names of the store directory, fetched in windows and kept until the store changes. Any thread.
/// </summary>
internal sealed class StoreListing(IStoreReader reader, TimeProvider time) : IDisposable
{
    /// <summary>Names asked for at once: about 250 KiB of answer, one message with one signature.</summary>
    private const int WindowEntries = 2000;

    /// <summary>Listings that go on side by side without asking again.</summary>
    private const int WindowsMax = 4;

    /// <summary>
    /// Changes drop the windows at once; this is for the time without connection, when none arrive.
    /// </summary>
    private static readonly TimeSpan WindowAgeMax = TimeSpan.FromSeconds(1);

    private readonly SharedPrefixNames _shared = new();
    private readonly Lock _gate = new();
    private readonly ListingWindow?[] _windows = new ListingWindow?[WindowsMax];
    private int _nextWindow;
    private int _version;

    /// <summary>What was listed lately, for lookups.</summary>
    public ListedPaths Listed { get; } = new(time);

    /// <summary>Goes up with each change of the store. What was listed under an older one may be out of date.</summary>
    public int Version => Volatile.Read(ref _version);

    /// <summary>The store has changed: nothing that was fetched before is shown any more.</summary>
    public void Invalidate()
    {
        Interlocked.Increment(ref _version);
        lock (_gate)
        {
            Array.Clear(_windows);
        }
    }

    /// <summary>The base name behind which a cookie goes on; empty for the beginning, null for a cookie that was never given.</summary>
    public string? Position(ulong cookie)
    {
        if (cookie <= ListingCookie.AfterDotDot)
        {
            return "";
        }

        var number = ListingCookie.SharedNumber(cookie);
        return number >= 0 ? _shared.Find(number) : ListingCookie.NameBehindPrefix(cookie);
    }

    /// <summary>The cookie behind an entry of a window; 0 where there is none to give (see <see cref="SharedPrefixNames"/>).</summary>
    public ulong CookieBehind(ListingWindow window, int index)
    {
        var name = window.Entries[index].BaseName;
        if (index + 1 == window.Entries.Length || !ListingCookie.SharePrefix(name, window.Entries[index + 1].BaseName))
        {
            return ListingCookie.AfterPrefixOf(name);
        }

        return _shared.TryGetNumber(name, out var number) ? ListingCookie.AfterShared(number) : 0;
    }

    /// <summary>The window that says what comes behind a name, from memory.</summary>
    public ListingWindow? FindWindow(string position)
    {
        var oldest = time.GetUtcNow() - WindowAgeMax;
        lock (_gate)
        {
            foreach (var window in _windows)
            {
                if (window is not null && window.Version == Version && window.Fetched >= oldest && window.Covers(position))
                {
                    return window;
                }
            }
        }

        return null;
    }

    /// <summary>A window in memory that shows a name, however old; for guessing what is asked for next.</summary>
    public ListingWindow? FindWindowShowing(string baseName)
    {
        lock (_gate)
        {
            foreach (var window in _windows)
            {
                if (window is not null && window.IndexOf(baseName) >= 0)
                {
                    return window;
                }
            }
        }

        return null;
    }

    /// <summary>The window that says what comes behind a name.</summary>
    public async ValueTask<ListingWindow> GetWindowAsync(string position, CancellationToken cancellationToken)
    {
        if (FindWindow(position) is { } known)
        {
            return known;
        }

        // The version is taken first: a change on the way makes the window count as old.
        var version = Version;
        var moment = Listed.Moment;
        var fetched = time.GetUtcNow();
        var entries = new List<ListingEntry>();
        ListingPage page;
        do
        {
            // More than one page only where thousands of names share a prefix.
            page = await reader.ListAsync(entries.Count > 0 ? entries[^1].BaseName : position, WindowEntries, cancellationToken).ConfigureAwait(false);
            entries.AddRange(page.Entries);
            Listed.Add(page.Entries, moment);
        }
        while (!page.IsLast && page.Entries.Count > 0 && !TrimSharedEnd(entries));

        var window = new ListingWindow(position, [.. entries], page.IsLast || page.Entries.Count == 0, version, fetched);
        Keep(window);
        return window;
    }

    public void Dispose() => Listed.Dispose();

    /// <summary>Takes the last name and those before it with the same prefix away, since more of them may follow; false where that would be all.</summary>
    private static bool TrimSharedEnd(List<ListingEntry> entries)
    {
        var start = entries.Count - 1;
        while (start > 0 && ListingCookie.SharePrefix(entries[start - 1].BaseName, entries[^1].BaseName))
        {
            start--;
        }

        if (start == 0)
        {
            return false;
        }

        entries.RemoveRange(start, entries.Count - start);
        return true;
    }

    private void Keep(ListingWindow window)
    {
        lock (_gate)
        {
            if (window.Version == Version)
            {
                _windows[_nextWindow] = window;
                _nextWindow = (_nextWindow + 1) % WindowsMax;
            }
        }
    }
}
