namespace NixFuseStore.Client.Prefetch;

/// <summary>
/// Sees that a program goes through the paths of a store in the order of their names (<c>find</c>, <c>grep -r</c>, a backup), and says which names
/// to list next, so that the paths behind them are fetched many at a time and not one by one. Fetches nothing itself. Any thread.
/// </summary>
internal sealed class PathScan
{
    /// <summary>Paths entered in ascending order before the listing is asked whether they are neighbours.</summary>
    private const int RunMin = 4;

    /// <summary>The same after answers that said no: it doubles each time, up to this.</summary>
    private const int RunMax = 64;

    /// <summary>The last paths of the run must be among so many names of the listing.</summary>
    private const int CheckedNames = 8;

    /// <summary>Paths ahead at first; it doubles with each step.</summary>
    private const int AheadMin = 16;

    private const int AheadMax = 256;

    /// <summary>Paths entered in a row that are not ahead: as many as another program may enter meanwhile.</summary>
    private const int MissesMax = 8;

    /// <summary>Paths entered or passed over before it is judged whether enough of them are entered: one of <see cref="SkippedShare"/>.</summary>
    private const int JudgedMin = 64;

    private const int SkippedShare = 4;

    /// <summary>What a read, and an entered path, change of <see cref="_reads"/>: content is fetched where most paths are read.</summary>
    private const int ReadGain = 2;

    private const int ReadsMax = 16;
    private const int ReadsForContent = 2;

    private readonly Lock _gate = new();
    private readonly List<string> _run = [];
    private readonly List<string> _ahead = [];
    private List<string> _checked = [];
    private int _runLength;
    private int _runNeeded = RunMin;
    private string _last = "";
    private string _end = "";
    private bool _lastWasRead;
    private bool _isFollowing;
    private bool _isAsking;
    private int _window = AheadMin;
    private int _misses;
    private int _entered;
    private int _skipped;
    private int _reads;

    /// <summary>A program looks inside a path of which nothing was looked at before.</summary>
    /// <param name="baseName">The path.</param>
    /// <param name="read">It reads content, rather than names and sizes.</param>
    /// <returns>What to list next; its answer goes to <see cref="OnListed"/> or <see cref="OnFailed"/>. Null: nothing.</returns>
    public ScanStep? OnEntered(string baseName, bool read)
    {
        lock (_gate)
        {
            var again = baseName == _last;
            CountRead(again, read);
            if (again)
            {
                return null;
            }

            _last = baseName;
            return _isFollowing ? Follow(baseName) : Suspect(baseName);
        }
    }

    /// <summary>The names that a step asked for.</summary>
    /// <param name="step">The step.</param>
    /// <param name="names">In ascending order; fewer than its limit at the end of the store.</param>
    /// <returns>Those to fetch; none where this is no scan.</returns>
    public IReadOnlyList<string> OnListed(in ScanStep step, IReadOnlyList<string> names)
    {
        lock (_gate)
        {
            _isAsking = false;
            if (step.IsCheck && !AreNeighbours(names))
            {
                Stop();
                return [];
            }

            if (step.IsCheck)
            {
                _isFollowing = true;
                _runNeeded = RunMin;
                _window = AheadMin;
                _ahead.Clear();
                (_misses, _entered, _skipped) = (0, 0, 0);
            }

            // At the end of the store nothing more is asked for.
            _end = names.Count < step.Limit ? "" : names[^1];
            var next = names.Where(name => string.CompareOrdinal(name, _last) > 0).ToList();
            _ahead.AddRange(next);
            return next;
        }
    }

    /// <summary>A step could not be done.</summary>
    public void OnFailed()
    {
        lock (_gate)
        {
            _isAsking = false;
            Stop();
        }
    }

    private void CountRead(bool again, bool read)
    {
        if (!again)
        {
            _reads = Math.Max(0, _reads - 1);
            _lastWasRead = false;
        }

        if (read && !_lastWasRead)
        {
            _reads = Math.Min(ReadsMax, _reads + ReadGain);
            _lastWasRead = true;
        }
    }

    private ScanStep? Follow(string baseName)
    {
        var index = _ahead.BinarySearch(baseName, StringComparer.Ordinal);
        if (index < 0)
        {
            // While names are asked for, the reader may be ahead of the answer.
            if (!_isAsking && ++_misses > MissesMax)
            {
                Stop();
            }

            return null;
        }

        _misses = 0;
        _entered++;
        _skipped += index;
        _ahead.RemoveRange(0, index + 1);
        if (_entered + _skipped >= JudgedMin)
        {
            if (_entered * SkippedShare < _entered + _skipped)
            {
                Stop();
                return null;
            }

            (_entered, _skipped) = (0, 0);
        }

        if (_isAsking || _ahead.Count > _window * 3 / 4 || _end.Length == 0)
        {
            return null;
        }

        _window = Math.Min(_window * 2, AheadMax);
        return Ask(_end, _window, isCheck: false);
    }

    private ScanStep? Suspect(string baseName)
    {
        if (_run.Count > 0 && string.CompareOrdinal(baseName, _run[^1]) <= 0)
        {
            _run.Clear();
            _runLength = 0;
        }

        _run.Add(baseName);
        _runLength++;
        if (_run.Count > RunMin)
        {
            _run.RemoveAt(0);
        }

        if (_runLength < _runNeeded || _isAsking)
        {
            return null;
        }

        _checked = _run[1..];
        return Ask(_run[0], AheadMin, isCheck: true);
    }

    private ScanStep Ask(string after, int limit, bool isCheck)
    {
        _isAsking = true;
        return new ScanStep(after, limit, isCheck, _reads >= ReadsForContent);
    }

    private bool AreNeighbours(IReadOnlyList<string> names)
    {
        var near = names.Take(CheckedNames).ToHashSet(StringComparer.Ordinal);
        return _checked.TrueForAll(near.Contains);
    }

    private void Stop()
    {
        _isFollowing = false;
        _ahead.Clear();
        _run.Clear();
        _runLength = 0;
        _runNeeded = Math.Min(_runNeeded * 2, RunMax);
    }
}

/// <summary>Names that a <see cref="PathScan"/> wants to know.</summary>
/// <param name="After">The base name behind which they lie.</param>
/// <param name="Limit">How many.</param>
/// <param name="IsCheck">Asked to see whether the paths entered lately are neighbours.</param>
/// <param name="WithContent">The program reads content: small paths are fetched whole.</param>
internal readonly record struct ScanStep(string After, int Limit, bool IsCheck, bool WithContent);
