using NixFuseStore.Testing.Databases;

namespace NixFuseStore.MountBenchmarks.Hosts;

/// <summary>A PostgreSQL server for the servers under measurement, with fsync on, on the local disk; it starts when it is first needed.</summary>
internal sealed class Databases : IDisposable
{
    private readonly PostgresServer _server = new();

    /// <summary>Why there is none here, or null.</summary>
    public static string? WhyMissing => PostgresServer.WhyMissing;

    /// <summary>Makes an empty database; its URI can be used from every network namespace.</summary>
    public string Create()
    {
        var uri = _server.CreateDatabaseAsync().GetAwaiter().GetResult();
        return _server.GetSocketUri(uri[(uri.LastIndexOf('/') + 1)..]);
    }

    public void Dispose() => _server.DisposeAsync().AsTask().GetAwaiter().GetResult();
}
