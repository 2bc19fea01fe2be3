namespace NixFuseStore.Client.Roots;

/// <summary>Kinds of roots.</summary>
public enum StoreRootKind
{
    /// <summary>Until it is removed.</summary>
    Permanent,

    /// <summary>As long as a link in the file system of a client is there.</summary>
    Indirect,

    /// <summary>As long as a session.</summary>
    Temporary,
}
