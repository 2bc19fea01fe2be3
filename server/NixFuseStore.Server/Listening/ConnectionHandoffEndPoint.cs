using System.Net;

namespace NixFuseStore.Server.Listening;

/// <summary>The address of an endpoint without a socket: its connections were accepted by another endpoint. See <see cref="PrefaceSwitch"/>.</summary>
internal sealed class ConnectionHandoffEndPoint : EndPoint
{
    public override string ToString() => "handed-over";
}
