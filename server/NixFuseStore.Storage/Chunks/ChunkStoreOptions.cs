namespace NixFuseStore.Storage.Chunks;

/// <summary>Settings of a <see cref="ChunkStore"/>.</summary>
public sealed record ChunkStoreOptions
{
    /// <summary>Names this server process among those that share the database; unique per run by default.</summary>
    public string Owner { get; init; } = $"{Environment.MachineName}/{Environment.ProcessId}/{Guid.NewGuid():N}";

    /// <summary>A pack is sealed once it holds this many bytes.</summary>
    public int PackBytesMax { get; init; } = 64 << 20;

    /// <summary>An open pack whose owner has not renewed its lease for so long is taken for abandoned.</summary>
    public TimeSpan PackLease { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Uploads that wait for one flush together hold at most this many bytes; beyond that, callers wait to be let in.</summary>
    public int QueueBytesMax { get; init; } = 64 << 20;

    /// <summary>The clock that leases are renewed by; they run out by the database's clock.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>Is told in one line what operators should know, such as a pack that cannot be recovered.</summary>
    public Action<string> Notice { get; init; } = static _ => { };
}
