using NixFuseStore.Nix;

namespace NixFuseStore.FileSystem.Listing;

/// <summary>
/// Guesses which paths are looked up next. <c>ls -l</c> and <c>find</c> list the store directory and then ask for one name after
/// the other, each a round trip unless their records are fetched together; a program that wants one path wants just that.
/// </summary>
internal sealed class RecordReadAhead(StoreListing listing)
{
    private const int PathsMax = 256;

    /// <summary>Names that may be passed over: those that were known already.</summary>
    private const int GapMax = 32;

    private readonly Lock _gate = new();

    // All guarded by _gate.
    private ListingWindow? _window;
    private int _last;
    private int _count;

    /// <summary>The paths to ask for together, the given one first.</summary>
    public IReadOnlyList<StorePath> Plan(StorePath path)
    {
        if (listing.FindWindowShowing(path.BaseName) is not { } window)
        {
            return [path];
        }

        var index = window.IndexOf(path.BaseName);
        int count;
        lock (_gate)
        {
            var goesOn = ReferenceEquals(window, _window) && index > _last && index <= _last + GapMax;
            _count = goesOn ? Math.Min(_count * 4, PathsMax) : 1;
            _window = window;
            count = Math.Min(_count, window.Entries.Length - index);
            _last = index + count - 1;
        }

        var paths = new List<StorePath>(count) { path };
        for (var i = index + 1; i < index + count; i++)
        {
            if (StorePath.TryParseBaseName(window.Entries[i].BaseName.AsSpan(), out var next))
            {
                paths.Add(next);
            }
        }

        return paths;
    }
}
