namespace NixFuseStore.Client.ReadAhead;

/// <summary>Why something is fetched ahead. What it was good for is learnt apart for each. Values fit three bits.</summary>
internal enum ReadAheadKind : byte
{
    /// <summary>It is not: a reader waits for it.</summary>
    None = 0,

    /// <summary>A program reads on and on.</summary>
    Sequential = 1,

    /// <summary>It lies beside a small file that was wanted.</summary>
    Siblings = 2,

    /// <summary>It lies around a wanted place in a big file.</summary>
    Around = 3,

    /// <summary>A program will need it to start.</summary>
    Program = 4,

    /// <summary>A program looked the file up.</summary>
    Lookup = 5,

    /// <summary>Other hosts read it.</summary>
    AccessProfile = 6,

    /// <summary>A program that reads whole paths one after the other comes to it next.</summary>
    NextPath = 7,
}
