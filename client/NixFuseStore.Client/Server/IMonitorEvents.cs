using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Server;

/// <summary>What the monitor tells. Called by its loop, one call at a time; must be quick.</summary>
internal interface IMonitorEvents
{
    /// <summary>A server introduced itself. May refuse it.</summary>
    /// <exception cref="StoreClientException">The server or its store is not to be used.</exception>
    void OnMet(ServerEndpoint endpoint, GetStoreResponse store);

    /// <summary>The first server was accepted: from here on events are known without a gap.</summary>
    void OnFirstMet();

    /// <summary>Events were missed.</summary>
    void OnResync();

    /// <summary>A path became valid or stopped being so.</summary>
    void OnEvent(StoreEvent change);
}
