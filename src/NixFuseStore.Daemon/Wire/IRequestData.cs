namespace NixFuseStore.Daemon.Wire;

/// <summary>Bulk data at the end of a request, which an operation that failed may have left half read.</summary>
internal interface IRequestData
{
    /// <summary>Reads and drops what is left of the request; false where its end is not known.</summary>
    ValueTask<bool> SkipAsync();
}
