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
    public const string RevokePaths = "/nixfuse.v1.Store/RevokePaths";

    /// <summary>Server streaming.</summary>
    public const string Watch = "/nixfuse.v1.Store/Watch";
}
