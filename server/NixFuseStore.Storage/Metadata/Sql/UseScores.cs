namespace NixFuseStore.Storage.Metadata.Sql;

/// <summary>
/// How much each chunk of a chunks section is read: a score of 0 to <see cref="Max"/>. A client that reads a chunk adds <see cref="Gain"/>, one that reads of
/// the path, but not this chunk, takes 1 away. So what a single job reads is known at once and forgotten after <see cref="Gain"/> jobs that
/// do without it, and what at least every fourth job reads stays.
/// <code>
/// row:   runs, until the last chunk with a score
/// run:   number of chunks (LEB128, at least 1), score (1 byte)
/// </code>
/// </summary>
internal sealed class UseScores
{
    public const int Max = 15;
    public const int Gain = 4;

    private readonly byte[] _scores;

    /// <summary>Scores of 0.</summary>
    public UseScores(int chunkCount) => _scores = new byte[chunkCount];

    /// <summary>Reads a row. One that is broken counts as far as it can be read: it is a hint.</summary>
    public UseScores(int chunkCount, ReadOnlySpan<byte> row)
        : this(chunkCount)
    {
        var at = 0;
        while (TryReadRun(ref row, out var count, out var score) && count <= (uint)(chunkCount - at))
        {
            _scores.AsSpan(at, (int)count).Fill(score);
            at += (int)count;
        }
    }

    /// <summary>Merges what one client read.</summary>
    public void Add(ChunkUse use)
    {
        var at = 0;
        foreach (var run in use.Chunks)
        {
            var first = Math.Min(run.First, _scores.Length);
            Lower(at, first, use);
            at = (int)Math.Min((long)run.First + run.Count, _scores.Length);
            foreach (ref var score in _scores.AsSpan(first..at))
            {
                score = (byte)Math.Min(score + Gain, Max);
            }
        }

        Lower(at, _scores.Length, use);
    }

    /// <summary>Chunks with a score.</summary>
    public IReadOnlyList<ChunkRun> Used()
    {
        var runs = new List<ChunkRun>();
        for (var i = 0; i < _scores.Length; i++)
        {
            if (_scores[i] == 0)
            {
                continue;
            }

            var first = i;
            while (i + 1 < _scores.Length && _scores[i + 1] != 0)
            {
                i++;
            }

            runs.Add(new ChunkRun(first, i - first + 1));
        }

        return runs;
    }

    public byte[] ToRow()
    {
        var row = new List<byte>();
        var length = _scores.AsSpan().LastIndexOfAnyExcept((byte)0) + 1;
        for (var first = 0; first < length;)
        {
            var end = first + 1;
            while (end < length && _scores[end] == _scores[first])
            {
                end++;
            }

            var count = (uint)(end - first);
            for (; count >= 0x80; count >>= 7)
            {
                row.Add((byte)(count | 0x80));
            }

            row.Add((byte)count);
            row.Add(_scores[first]);
            first = end;
        }

        return [.. row];
    }

    private void Lower(int first, int end, ChunkUse use)
    {
        foreach (ref var score in _scores.AsSpan(first..end))
        {
            score -= (byte)(score > 0 && !use.Continued ? 1 : 0);
        }
    }

    private static bool TryReadRun(ref ReadOnlySpan<byte> row, out uint count, out byte score)
    {
        count = 0;
        score = 0;
        for (var shift = 0; shift < 28 && !row.IsEmpty; shift += 7)
        {
            var next = row[0];
            row = row[1..];
            count |= (uint)(next & 0x7f) << shift;
            if (next < 0x80)
            {
                if (row.IsEmpty || row[0] > Max)
                {
                    return false;
                }

                score = row[0];
                row = row[1..];
                return true;
            }
        }

        return false;
    }
}
