namespace NixFuseStore.Cache.Log;

/// <summary>What a read of the log came to.</summary>
internal enum ReadOutcome
{
    /// <summary>Not found.</summary>
    Missing,

    /// <summary>Found, but of another length than asked for.</summary>
    WrongLength,

    /// <summary>Found in memory.</summary>
    FromMemory,

    /// <summary>Found on disk, and the digest is right.</summary>
    FromDisk,

    /// <summary>On disk, which was not to be asked.</summary>
    OnDisk,

    /// <summary>The disk did not give it; nothing is known of what it holds.</summary>
    Unreadable,

    /// <summary>Found, or should have been, but damaged.</summary>
    Corrupt,
}
