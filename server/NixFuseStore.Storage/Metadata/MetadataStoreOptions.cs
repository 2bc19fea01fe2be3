namespace NixFuseStore.Storage.Metadata;

/// <summary>Settings of a metadata store.</summary>
public sealed record MetadataStoreOptions
{
    /// <summary>Events kept per store; who lags behind further is told to list again.</summary>
    public int EventsKept { get; init; } = 100_000;

    /// <summary>The clock of registration times. Leases go by the database's clock.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>Whether a database that is missing or empty is an error rather than made.</summary>
    public bool MustExist { get; init; }

    /// <summary>The password for PostgreSQL where the URI has none; null leaves it to PGPASSWORD and password files.</summary>
    public string? Password { get; init; }

    /// <summary>A file of PostgreSQL's form with passwords; null for PGPASSFILE and ~/.pgpass.</summary>
    public string? PassFile { get; init; }

    /// <summary>Is told in one line what was put right while opening.</summary>
    public Action<string>? Notice { get; init; }
}
