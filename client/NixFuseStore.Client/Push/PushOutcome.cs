namespace NixFuseStore.Client.Push;

/// <summary>What became of one path.</summary>
public enum PushOutcome
{
    /// <summary>This push made it valid.</summary>
    Registered,

    /// <summary>It was valid with the same NAR hash, before this push or by another one meanwhile.</summary>
    AlreadyValid,

    /// <summary>It was valid, but something of it was damaged on the server; it is whole again.</summary>
    Healed,

    /// <summary>It is valid on the server with another NAR hash; that one stays, and the push goes on with it.</summary>
    Conflict,

    /// <summary>It could not be pushed.</summary>
    Failed,
}
