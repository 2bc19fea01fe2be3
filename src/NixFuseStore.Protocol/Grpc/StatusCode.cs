namespace NixFuseStore.Protocol.Grpc;

/// <summary>The status codes of gRPC, with their numbers on the wire.</summary>
public enum StatusCode
{
    /// <summary>OK.</summary>
    OK = 0,

    /// <summary>CANCELLED: the caller gave up.</summary>
    Cancelled = 1,

    /// <summary>UNKNOWN.</summary>
    Unknown = 2,

    /// <summary>INVALID_ARGUMENT: the request is wrong whatever the state of the server.</summary>
    InvalidArgument = 3,

    /// <summary>DEADLINE_EXCEEDED.</summary>
    DeadlineExceeded = 4,

    /// <summary>NOT_FOUND.</summary>
    NotFound = 5,

    /// <summary>ALREADY_EXISTS.</summary>
    AlreadyExists = 6,

    /// <summary>PERMISSION_DENIED: who calls is known and lacks the right.</summary>
    PermissionDenied = 7,

    /// <summary>RESOURCE_EXHAUSTED: a bound was met, such as the message size or the disk.</summary>
    ResourceExhausted = 8,

    /// <summary>FAILED_PRECONDITION.</summary>
    FailedPrecondition = 9,

    /// <summary>ABORTED: worth trying again from the start.</summary>
    Aborted = 10,

    /// <summary>OUT_OF_RANGE.</summary>
    OutOfRange = 11,

    /// <summary>UNIMPLEMENTED: the peer has no such method.</summary>
    Unimplemented = 12,

    /// <summary>INTERNAL: the peer failed, or broke the protocol.</summary>
    Internal = 13,

    /// <summary>UNAVAILABLE: the server cannot be reached now; the same call may work later.</summary>
    Unavailable = 14,

    /// <summary>DATA_LOSS.</summary>
    DataLoss = 15,

    /// <summary>UNAUTHENTICATED: no token, or a wrong one.</summary>
    Unauthenticated = 16,
}
