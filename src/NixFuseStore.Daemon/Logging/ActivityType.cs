namespace NixFuseStore.Daemon.Logging;

/// <summary>What an activity is; the fields that its start carries follow from it.</summary>
internal enum ActivityType
{
    /// <summary>Anything; no fields.</summary>
    Unknown = 0,

    /// <summary>Paths are fetched; no fields.</summary>
    CopyPaths = 103,

    /// <summary>A derivation is built: its path, the machine (empty for this one), round 1 of 1.</summary>
    Build = 105,
}
