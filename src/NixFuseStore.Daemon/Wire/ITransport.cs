namespace NixFuseStore.Daemon.Wire;

/// <summary>
/// Both directions to one client. A wait that takes too long, or the end of the server, ends the transport: then reads and writes
/// fail with <see cref="ConnectionEndedException"/>.
/// </summary>
internal interface ITransport : IByteSource, IByteSink
{
    /// <summary>Whether the client may take its time: between requests it may, within one it may not.</summary>
    bool IsIdle { set; }
}
