namespace NixFuseStore.Client.ReadAhead;

/// <summary>One place in the stream where a program reads on and on.</summary>
internal struct ReadAheadCursor
{
    /// <summary>Where the next read is expected.</summary>
    public long Next;

    /// <summary>Up to where the stream was asked for ahead of the reader.</summary>
    public long AheadEnd;

    /// <summary>Bytes to keep ahead of the reader.</summary>
    public long Window;

    /// <summary>Reads in a row that came where they were expected.</summary>
    public int Run;

    /// <summary>Where the file begins that is being read from its start on; -1 for a file that was entered elsewhere.</summary>
    public long FileStart;

    /// <summary>Files in a row that were read from their start to their end.</summary>
    public int WholeFiles;

    /// <summary>Value of the clock at the last of them.</summary>
    public uint UsedAt;

    /// <summary>A read came where it was expected, or is the first one here.</summary>
    public void Advance(in ReadAccess access, uint clock)
    {
        if (access.Start <= access.FileStart)
        {
            FileStart = access.FileStart;
        }
        else if (FileStart != access.FileStart)
        {
            FileStart = -1;
            WholeFiles = 0;
        }

        if (access.End == access.FileEnd && FileStart == access.FileStart)
        {
            WholeFiles++;
        }

        Run++;
        Next = access.End;
        UsedAt = clock;
    }
}
