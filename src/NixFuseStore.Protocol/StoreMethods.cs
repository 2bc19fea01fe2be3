namespace NixFuseStore.Protocol;

/// <summary>Paths of the rpcs of <c>store.proto</c>. Written out, because asking the generated descriptors would initialise all of protobuf's reflection.</summary>
public static class StoreMethods
{
    /// <summary>Unary.</summary>
    public const string GetStore = "/nixfuse.v1.Store/GetStore";

    /// <summary>Unary.</summary>
    public const string QueryPaths = "/nixfuse.v1.Store/QueryPaths";

    /// <summary>Server streaming.</summary>
    public const string ListPaths = "/nixfuse.v1.Store/ListPaths";

    /// <summary>Server streaming.</summary>
    public const string GetClosure = "/nixfuse.v1.Store/GetClosure";

    /// <summary>Server streaming.</summary>
    public const string GetSections = "/nixfuse.v1.Store/GetSections";

    /// <summary>Unary.</summary>
    public const string FindMissingChunks = "/nixfuse.v1.Store/FindMissingChunks";

    /// <summary>Unary.</summary>
    public const string RegisterPaths = "/nixfuse.v1.Store/RegisterPaths";

    /// <summary>Unary.</summary>
    public const string ReportUse = "/nixfuse.v1.Store/ReportUse";

    /// <summary>Unary.</summary>
    public const string RevokePaths = "/nixfuse.v1.Store/RevokePaths";

    /// <summary>Server streaming.</summary>
    public const string Watch = "/nixfuse.v1.Store/Watch";

    /// <summary>Server streaming.</summary>
    public const string QueryReferrers = "/nixfuse.v1.Store/QueryReferrers";

    /// <summary>Server streaming.</summary>
    public const string QueryDerivers = "/nixfuse.v1.Store/QueryDerivers";

    /// <summary>Unary.</summary>
    public const string AddSignatures = "/nixfuse.v1.Store/AddSignatures";

    /// <summary>Unary.</summary>
    public const string AddRealisations = "/nixfuse.v1.Store/AddRealisations";

    /// <summary>Unary.</summary>
    public const string QueryRealisations = "/nixfuse.v1.Store/QueryRealisations";

    /// <summary>Unary.</summary>
    public const string SetRoots = "/nixfuse.v1.Store/SetRoots";

    /// <summary>Unary.</summary>
    public const string RemoveRoots = "/nixfuse.v1.Store/RemoveRoots";

    /// <summary>Server streaming.</summary>
    public const string ListRoots = "/nixfuse.v1.Store/ListRoots";

    /// <summary>Unary.</summary>
    public const string OpenSession = "/nixfuse.v1.Store/OpenSession";

    /// <summary>Unary.</summary>
    public const string RenewSession = "/nixfuse.v1.Store/RenewSession";

    /// <summary>Unary.</summary>
    public const string AddTemporaryRoots = "/nixfuse.v1.Store/AddTemporaryRoots";

    /// <summary>Unary.</summary>
    public const string RemoveTemporaryRoots = "/nixfuse.v1.Store/RemoveTemporaryRoots";

    /// <summary>Unary.</summary>
    public const string CloseSession = "/nixfuse.v1.Store/CloseSession";

    /// <summary>Server streaming.</summary>
    public const string QueryLiveness = "/nixfuse.v1.Store/QueryLiveness";

    /// <summary>Unary.</summary>
    public const string PutBuildLog = "/nixfuse.v1.Store/PutBuildLog";

    /// <summary>Unary.</summary>
    public const string GetBuildLog = "/nixfuse.v1.Store/GetBuildLog";

    /// <summary>Unary.</summary>
    public const string QuerySubstitutable = "/nixfuse.v1.Store/QuerySubstitutable";

    /// <summary>Unary.</summary>
    public const string Substitute = "/nixfuse.v1.Store/Substitute";
}
