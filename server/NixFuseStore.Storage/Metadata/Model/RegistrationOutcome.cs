namespace NixFuseStore.Storage.Metadata;

/// <summary>What became of one path of a registration. The numbers are those of the protocol.</summary>
public enum RegistrationOutcome
{
    /// <summary>It is valid now.</summary>
    Registered = 1,

    /// <summary>It was valid already, with the same NAR hash; new signatures were added to it.</summary>
    AlreadyValid = 2,

    /// <summary>Its hash part is valid with another NAR hash or name, which stays.</summary>
    Conflict = 3,

    /// <summary>Chunks are missing (again); upload these and register again.</summary>
    MissingChunks = 4,

    /// <summary>References are neither valid nor registered along.</summary>
    MissingReferences = 5,

    /// <summary>It was removed behind <see cref="PathRegistration.UnlessRemovedAfter"/>.</summary>
    Removed = 7,

    /// <summary>It could be registered, and another output of the same build could not.</summary>
    HeldBack = 8,
}
