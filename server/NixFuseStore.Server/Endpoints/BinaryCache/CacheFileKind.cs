namespace NixFuseStore.Server.Endpoints.BinaryCache;

/// <summary>The kinds of files in a binary cache.</summary>
internal enum CacheFileKind
{
    /// <summary><c>nix-cache-info</c></summary>
    CacheInfo,

    /// <summary><c>HASHPART.narinfo</c></summary>
    NarInfo,

    /// <summary><c>HASHPART.ls</c></summary>
    Listing,

    /// <summary><c>nar/NAME</c></summary>
    Nar,

    /// <summary><c>log/NAME</c></summary>
    Log,

    /// <summary><c>debuginfo/BUILDID</c></summary>
    DebugInfo,

    /// <summary><c>realisations/ID.doi</c></summary>
    Realisation,
}
