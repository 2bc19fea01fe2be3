namespace NixFuseStore.Client.Reading;

/// <summary>
/// Decides what to fetch before it is asked for, along the content stream. Three cases: somebody reads on and on (also across small files,
/// which lie side by side in the stream): keep a doubling window ahead. A miss among small files: the file and its neighbours, as much as the link
/// carries in a round trip. A miss somewhere in a big file: a modest piece around it. Windows grow while what was fetched is read, and
/// shrink while it is not. Pure: decides on what it is told, fetches nothing.
/// </summary>
internal sealed class ReadAheadPolicy(ReadAheadOptions options)
{
    /// <summary>Decides after a read (or at its start, where it missed).</summary>
    /// <param name="state">The path's state; changed.</param>
    /// <param name="access">The read.</param>
    /// <param name="linkWindow">Plain bytes that the link carries in a round trip.</param>
    /// <param name="streamLength">Length of the stream, bytes.</param>
    public ReadAheadRange Plan(ReadAheadState state, in ReadAccess access, long linkWindow, long streamLength)
    {
        lock (state.Gate)
        {
            state.Clock++;
            if (Follow(state, in access) is var index and >= 0)
            {
                return Ahead(ref state.Cursors[index], in access, linkWindow, streamLength);
            }

            Start(state, in access);
            if (!access.Missed)
            {
                return default;
            }

            return access.FileLength < options.BigFileBytes
                ? AroundSmallFile(state, in access, linkWindow)
                : AroundPlaceInBigFile(state, in access);
        }
    }

    // The cursor that expected this read, or -1.
    private int Follow(ReadAheadState state, in ReadAccess access)
    {
        for (var i = 0; i < state.Cursors.Length; i++)
        {
            ref var cursor = ref state.Cursors[i];
            if (cursor.UsedAt != 0 && access.Start >= cursor.Next - options.SequentialSlack && access.Start <= cursor.Next + options.SequentialSlack
                && access.End > cursor.Next)
            {
                cursor.Run++;
                cursor.Next = access.End;
                cursor.UsedAt = state.Clock;
                return i;
            }
        }

        return -1;
    }

    private static void Start(ReadAheadState state, in ReadAccess access)
    {
        var oldest = 0;
        for (var i = 1; i < state.Cursors.Length; i++)
        {
            if (state.Cursors[i].UsedAt < state.Cursors[oldest].UsedAt)
            {
                oldest = i;
            }
        }

        state.Cursors[oldest] = new ReadAheadCursor { Next = access.End, AheadEnd = access.End, UsedAt = state.Clock };
    }

    private ReadAheadRange Ahead(ref ReadAheadCursor cursor, in ReadAccess access, long linkWindow, long streamLength)
    {
        // Asked for again only when half of the window is used up, so that requests stay of a useful size.
        cursor.AheadEnd = Math.Max(cursor.AheadEnd, access.End);
        if (cursor.Window > 0 && cursor.AheadEnd - access.End > cursor.Window / 2)
        {
            return default;
        }

        var least = Math.Max(options.NearWindowMin, (access.End - access.Start) * 2);
        cursor.Window = Math.Clamp(cursor.Window * 2, least, Math.Max(options.SequentialMax, least));
        if (cursor.Run >= 3)
        {
            // Surely sequential: no less than the link can carry.
            cursor.Window = Math.Max(cursor.Window, Math.Min(linkWindow, options.SequentialMax));
        }

        var start = cursor.AheadEnd;
        cursor.AheadEnd = Math.Min(access.End + cursor.Window, streamLength);
        return new ReadAheadRange(start, Math.Max(start, cursor.AheadEnd));
    }

    private ReadAheadRange AroundSmallFile(ReadAheadState state, in ReadAccess access, long linkWindow)
    {
        var window = Adapt(state, Math.Clamp(linkWindow, options.NearWindowMin, options.NearWindowMax), options.NearWindowMin, options.NearWindowMax);

        // Names say nothing of what is read next, but importing goes forward more often than back.
        var start = Math.Max(access.NearStart, access.FileStart - (window / 4));
        var end = Math.Min(access.NearEnd, access.FileEnd + (window * 3 / 4));
        return new ReadAheadRange(Math.Min(start, access.FileStart), Math.Max(end, access.FileEnd));
    }

    private ReadAheadRange AroundPlaceInBigFile(ReadAheadState state, in ReadAccess access)
    {
        var window = Adapt(state, options.BigAheadMin, options.BigAheadMin, options.BigAheadMax);
        var start = Math.Max(access.FileStart, access.Start - options.BigBehind);
        var end = Math.Min(access.FileEnd, access.End + window);
        return new ReadAheadRange(start, end);
    }

    private long Adapt(ReadAheadState state, long initial, long least, long most)
    {
        var window = state.Window == 0 ? initial : Math.Clamp(state.Window, least, most);
        var usefulness = state.Usefulness;
        var next = usefulness >= options.UsefulnessGood ? window * 2 : usefulness < options.UsefulnessGood / 2 ? window / 2 : window;
        state.Window = Math.Clamp(next, least, most);
        return window;
    }
}
