namespace NixFuseStore.Server.Hosting;

/// <summary>Where a server keeps what it keeps.</summary>
/// <param name="DataDirectory">Holds whatever the other two do not place elsewhere; made where it is missing.</param>
/// <param name="Metadata"><c>postgres://…</c> or <c>sqlite:FILE</c>; null for a SQLite file in the data directory.</param>
/// <param name="Blobs"><c>file:DIR</c>; null for a directory in the data directory.</param>
public sealed record StorageOptions(string DataDirectory, string? Metadata = null, string? Blobs = null)
{
    /// <summary>The data directory of a server that was told none.</summary>
    public const string DefaultDataDirectory = "nixfuse-data";

    /// <summary>The password for the database where its URI has none; null leaves it to PGPASSWORD and password files.</summary>
    public string? MetadataPassword { get; init; }

    /// <summary>A file of PostgreSQL's form with passwords; null for PGPASSFILE and ~/.pgpass.</summary>
    public string? MetadataPassFile { get; init; }

    /// <summary>Where metadata is.</summary>
    public string MetadataUri => Metadata ?? "sqlite:" + MetadataFile;

    /// <summary>The SQLite file of a server that was told no other database.</summary>
    internal string MetadataFile => Path.Combine(Path.GetFullPath(DataDirectory), "metadata.sqlite");

    /// <summary>Where packs are.</summary>
    public string BlobsUri => Blobs ?? "file:" + Path.Combine(Path.GetFullPath(DataDirectory), "packs");
}
