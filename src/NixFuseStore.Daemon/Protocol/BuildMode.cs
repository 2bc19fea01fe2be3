namespace NixFuseStore.Daemon.Protocol;

/// <summary>What is to happen with outputs that are valid.</summary>
internal enum BuildMode
{
    /// <summary>Nothing.</summary>
    Normal = 0,

    /// <summary>They are mended where they are broken.</summary>
    Repair = 1,

    /// <summary>They are built again, and compared.</summary>
    Check = 2,
}
