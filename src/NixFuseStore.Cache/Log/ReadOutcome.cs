namespace NixFuseStore.Cache.Log;

/// <summary>What a read of the log came to.</summary>
internal enum ReadOutcome
{
    /// <summary>Not there, or not any more.</summary>
    Missing,

    /// <summary>Of another length than asked for.</summary>
    WrongLength,

    /// <summary>Found in memory.</summary>
    FromMemory,

    /// <summary>Found on disk, and the digest is right.</summary>
    FromDisk,

    /// <summary>On disk, which was not to be asked.</summary>
    OnDisk,

    /// <summary>The disk did not give it; nothing is known of what it holds.</summary>
    Unreadable,

    /// <summary>It should be there, but was never written.</summary>
    Unwritten,

    /// <summary>It should be there, but is damaged.</summary>
    Corrupt,
}
