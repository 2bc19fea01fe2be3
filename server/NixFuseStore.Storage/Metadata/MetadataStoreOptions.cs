namespace NixFuseStore.Storage.Metadata;

/// <summary>Settings of a metadata store.</summary>
public sealed record MetadataStoreOptions
{
    /// <summary>Events kept per store; who lags behind further is told to list again.</summary>
    public int EventsKept { get; init; } = 100_000;

    /// <summary>The clock of registration times. Leases go by the database's clock.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;
}
