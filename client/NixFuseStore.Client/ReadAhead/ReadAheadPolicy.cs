namespace NixFuseStore.Client.ReadAhead;

/// <summary>
/// Decides what to fetch before it is asked for, along the content stream. Three cases: a program reads on and on (also across small files,
/// which lie side by side in the stream): keep a doubling window ahead, and where whole files are read, on into the next file and path. A miss
/// among small files: the file and its neighbours. A miss somewhere in a big file: a piece around it. Windows grow while enough of what was fetched is read for it to pay on this link, and shrink while
/// it is not. Fetches nothing itself. Any thread.
/// </summary>
/// <param name="options">The figures.</param>
/// <param name="rates">What to expect; learns from what is fetched and read.</param>
internal sealed class ReadAheadPolicy(ReadAheadOptions options, PrefetchHitRates rates)
{
    /// <summary>Decides after a read (or at its start, where it missed).</summary>
    /// <param name="state">The path's state; changed.</param>
    /// <param name="access">The read.</param>
    /// <param name="link">The link.</param>
    /// <param name="streamLength">Length of the stream, bytes.</param>
    public ReadAheadRange Plan(ReadAheadState state, in ReadAccess access, in ReadAheadLink link, long streamLength)
    {
        lock (state.Gate)
        {
            state.Clock++;
            var index = Follow(state, in access);
            if (index >= 0 && state.Cursors[index].Run >= options.SequentialRun)
            {
                return Ahead(ref state.Cursors[index], in access, in link, streamLength);
            }

            if (index < 0)
            {
                Start(state, in access);
            }

            if (!access.Missed)
            {
                return default;
            }

            return access.FileLength < options.BigFileBytes
                ? AroundSmallFile(state, in access, in link)
                : AroundPlaceInBigFile(state, in access, in link);
        }
    }

    /// <summary>A program reads whole paths, and comes to this one next: what to fetch of its beginning. It is expected there as a sequential reader.</summary>
    /// <param name="state">The path's state; changed.</param>
    /// <param name="bytes">How much of it he is expected to read soon.</param>
    /// <param name="streamLength">Length of the stream, bytes.</param>
    public ReadAheadRange Enter(ReadAheadState state, long bytes, long streamLength)
    {
        lock (state.Gate)
        {
            state.Clock++;
            var index = Array.FindIndex(state.Cursors, static cursor => cursor.UsedAt != 0 && cursor.Next == 0);
            if (index < 0)
            {
                index = Oldest(state);
                state.Cursors[index] = new ReadAheadCursor { Run = options.SequentialRun, WholeFiles = options.WholeFilesRun };
            }

            ref var cursor = ref state.Cursors[index];
            cursor.UsedAt = state.Clock;
            cursor.Window = Math.Max(cursor.Window, bytes);
            var start = cursor.AheadEnd;
            cursor.AheadEnd = Math.Max(start, Math.Min(bytes, streamLength));
            return new ReadAheadRange(start, cursor.AheadEnd, ReadAheadKind.NextPath);
        }
    }

    /// <summary>Learns that something was fetched ahead.</summary>
    public void OnFetched(ReadAheadState state, ReadAheadKind kind, long fileStart, long bytes)
    {
        HitRateHere(state, kind, fileStart)?.OnFetched(bytes);
        rates[kind].OnFetched(bytes);
    }

    /// <summary>Learns that something fetched ahead was read.</summary>
    public void OnUsed(ReadAheadState state, ReadAheadKind kind, long fileStart, long bytes)
    {
        HitRateHere(state, kind, fileStart)?.OnUsed(bytes);
        rates[kind].OnUsed(bytes);
    }

    // With this path, or with one big file in it.
    private static PrefetchHitRate? HitRateHere(ReadAheadState state, ReadAheadKind kind, long fileStart)
    {
        if (kind != ReadAheadKind.Around)
        {
            return kind == ReadAheadKind.Siblings ? state.Siblings : null;
        }

        lock (state.Gate)
        {
            return state.File(fileStart).HitRate;
        }
    }

    // The cursor that expected this read, or -1.
    private int Follow(ReadAheadState state, in ReadAccess access)
    {
        for (var i = 0; i < state.Cursors.Length; i++)
        {
            ref var cursor = ref state.Cursors[i];
            var slack = cursor.FileStart == access.FileStart ? options.SequentialFileSlack : options.SequentialSlack;
            if (cursor.UsedAt != 0 && Math.Abs(access.Start - cursor.Next) <= slack && access.End > cursor.Next)
            {
                cursor.Advance(in access, state.Clock);
                return i;
            }
        }

        return -1;
    }

    private static void Start(ReadAheadState state, in ReadAccess access)
    {
        ref var cursor = ref state.Cursors[Oldest(state)];
        cursor = new ReadAheadCursor { AheadEnd = access.End };
        cursor.Advance(in access, state.Clock);
    }

    private static int Oldest(ReadAheadState state)
    {
        var oldest = 0;
        for (var i = 1; i < state.Cursors.Length; i++)
        {
            if (state.Cursors[i].UsedAt < state.Cursors[oldest].UsedAt)
            {
                oldest = i;
            }
        }

        return oldest;
    }

    private ReadAheadRange Ahead(ref ReadAheadCursor cursor, in ReadAccess access, in ReadAheadLink link, long streamLength)
    {
        var wholeFiles = cursor.WholeFiles >= options.WholeFilesRun;
        var limit = access.FileLength < options.BigFileBytes || wholeFiles ? streamLength : access.FileEnd;

        // Asked for again only when half of the window is used up, so that requests stay of a useful size.
        cursor.AheadEnd = Math.Max(cursor.AheadEnd, access.End);
        if (cursor.Window > 0 && cursor.AheadEnd - access.End > cursor.Window / 2)
        {
            return default;
        }

        // Doubling reaches what any link carries within a few reads, and wastes little on those who stop early.
        var least = Math.Max(options.NearWindowMin, access.End - access.Start);
        cursor.Window = Math.Clamp(cursor.Window * 2, least, Math.Max(options.SequentialMax, least));
        var start = cursor.AheadEnd;
        cursor.AheadEnd = Math.Max(start, Math.Min(access.End + cursor.Window, limit));
        return new ReadAheadRange(start, cursor.AheadEnd, ReadAheadKind.Sequential, wholeFiles ? Beyond(in cursor, in link, streamLength) : 0);
    }

    private long Beyond(in ReadAheadCursor cursor, in ReadAheadLink link, long streamLength)
    {
        var worth = Math.Clamp(link.Worth, options.WorthMin, options.WorthMax);
        return rates[ReadAheadKind.NextPath].ShareRead(options.NextPathPrior, options.NextPathPriorBytes) >= worth ? Math.Max(0, cursor.Next + cursor.Window - streamLength) : 0;
    }

    private ReadAheadRange AroundSmallFile(ReadAheadState state, in ReadAccess access, in ReadAheadLink link)
    {
        // Never more than the link carries in a round trip: what comes later is as late as asking for it then.
        var most = Math.Clamp(link.WindowPlainBytes, options.NearWindowMin, options.NearWindowMax);
        var prior = rates[ReadAheadKind.Siblings].ShareRead(options.HitRatePrior, options.PriorBytes);
        var hitRate = state.Siblings.ShareRead(prior, options.PriorBytes);
        var window = Next(state.Window, most / 2, most, options.NearWindowMin, hitRate, in link);
        state.Window = window;

        // Names say nothing of what is read next, but importing goes forward more often than back.
        var start = Math.Max(access.NearStart, access.FileStart - (window / 4));
        var end = Math.Min(access.NearEnd, access.FileEnd + (window * 3 / 4));
        return new ReadAheadRange(Math.Min(start, access.FileStart), Math.Max(end, access.FileEnd), ReadAheadKind.Siblings);
    }

    private ReadAheadRange AroundPlaceInBigFile(ReadAheadState state, in ReadAccess access, in ReadAheadLink link)
    {
        var file = state.File(access.FileStart);
        var prior = rates[ReadAheadKind.Around].ShareRead(options.HitRatePrior, options.PriorBytes);
        var hitRate = file.HitRate.ShareRead(prior, options.PriorBytes);
        file.Window = Next(file.Window, options.AroundFirst, options.AroundMax, options.AroundMin, hitRate, in link);

        // Kernels that fault a page in ask for what lies around it, so both sides count; code runs forward a little more often.
        var start = Math.Max(access.FileStart, access.Start - (file.Window * 2 / 5));
        var end = Math.Min(access.FileEnd, access.End + (file.Window * 3 / 5));
        return new ReadAheadRange(start, end, ReadAheadKind.Around);
    }

    private long Next(long former, long first, long most, long least, double hitRate, in ReadAheadLink link)
    {
        var worth = Math.Clamp(link.Worth, options.WorthMin, options.WorthMax);
        var window = former == 0 ? first : hitRate >= worth * 1.3 ? former * 2 : hitRate < worth ? former / 2 : former;
        if (former == 0 && hitRate < worth)
        {
            window /= 4;
        }

        return Math.Clamp(window, least, Math.Max(most, least));
    }
}
