using System.Data.Common;
using NixFuseStore.Content;
using NixFuseStore.Nix;
using NixFuseStore.Nix.BinaryCaches;

namespace NixFuseStore.Storage.Metadata.Sql;

/// <content>NAR files that were uploaded, and those that can be downloaded.</content>
internal sealed partial class SqlMetadataStore
{
    /// <inheritdoc/>
    public Task AddNarFileAsync(StoreId store, NarFile file, TimeSpan lifetime, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(file);
        return WriteAsync(
            durable: true,
            async session =>
            {
                long now = NowSeconds();
                await session.ExecuteAsync(
                    new SqlText("DELETE FROM nar_files WHERE expires <= @now", ("@now", now)), cancellationToken).ConfigureAwait(false);
                return await session.ExecuteAsync(
                    new SqlText(
                        """
                        INSERT INTO nar_files (store, name, compression, nar_hash, nar_size, file_size, draft, expires)
                        VALUES (@store, @name, @compression, @hash, @size, @file_size, @draft, @expires)
                        ON CONFLICT (store, name) DO UPDATE SET draft = excluded.draft,
                          expires = CASE WHEN nar_files.path IS NULL THEN excluded.expires END
                        WHERE nar_files.path IS NULL OR EXISTS (
                          SELECT 1 FROM paths p JOIN manifests m ON m.id = p.manifest
                          JOIN damage d ON d.section IN (m.tree_section, m.chunks_section, m.blanks_section) WHERE p.id = nar_files.path)
                        """,
                        ("@store", store.Value),
                        ("@name", file.Name),
                        ("@compression", (int)file.Compression),
                        ("@hash", file.NarHash),
                        ("@size", (long)file.NarSize),
                        ("@file_size", (long)file.FileSize),
                        ("@draft", file.Draft),
                        ("@expires", now + (long)lifetime.TotalSeconds)),
                    cancellationToken).ConfigureAwait(false);
            },
            cancellationToken);
    }

    /// <inheritdoc/>
    public Task<NarFile?> FindNarFileAsync(StoreId store, string name, CancellationToken cancellationToken) => ReadAsync(
        session => session.FirstAsync(
            new SqlText(
                """
                SELECT f.name, f.compression, f.nar_hash, f.nar_size, f.file_size, f.draft, p.hash_part || '-' || p.name
                FROM nar_files f LEFT JOIN paths p ON p.id = f.path
                WHERE f.store = @store AND f.name = @name AND (f.path IS NOT NULL OR f.expires > @now)
                """,
                ("@store", store.Value),
                ("@name", name),
                ("@now", NowSeconds())),
            ReadNarFile,
            cancellationToken),
        cancellationToken);

    /// <inheritdoc/>
    public Task<bool> TieNarFileAsync(StoreId store, string name, StorePath path, CancellationToken cancellationToken) => WriteAsync(
        durable: true,
        async session => await session.ExecuteAsync(
            new SqlText(
                """
                UPDATE nar_files SET draft = NULL, expires = NULL,
                  path = (SELECT p.id FROM paths p WHERE p.store = @store AND p.hash_part = @hash AND p.name = @path_name)
                WHERE store = @store AND name = @name
                AND EXISTS (SELECT 1 FROM paths p WHERE p.store = @store AND p.hash_part = @hash AND p.name = @path_name)
                """,
                ("@store", store.Value),
                ("@name", name),
                ("@hash", path.HashPart),
                ("@path_name", path.Name)),
            cancellationToken).ConfigureAwait(false) == 1,
        cancellationToken);

    /// <inheritdoc/>
    public Task RemoveNarFileAsync(StoreId store, string name, CancellationToken cancellationToken) => WriteAsync(
        durable: true,
        session => session.ExecuteAsync(
            new SqlText("DELETE FROM nar_files WHERE store = @store AND name = @name", ("@store", store.Value), ("@name", name)),
            cancellationToken),
        cancellationToken);

    /// <inheritdoc/>
    public Task<CompressedNar?> FindCompressedNarAsync(ManifestDigest manifest, string encoder, CancellationToken cancellationToken) => ReadAsync(
        session => session.FirstAsync(
            new SqlText(
                "SELECT c.hash, c.size FROM manifests m JOIN compressed_nars c ON c.manifest = m.id WHERE m.digest = @digest AND c.encoder = @encoder",
                ("@digest", manifest.ToArray()),
                ("@encoder", encoder)),
            reader => new CompressedNar(reader.GetBytes(0), reader.GetInt64(1)),
            cancellationToken),
        cancellationToken);

    /// <inheritdoc/>
    public Task AddCompressedNarAsync(ManifestDigest manifest, string encoder, CompressedNar file, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(file);
        return WriteAsync(
            durable: false,
            session => session.ExecuteAsync(
                new SqlText(
                    """
                    INSERT INTO compressed_nars (manifest, encoder, hash, size) SELECT m.id, @encoder, @hash, @size FROM manifests m WHERE m.digest = @digest
                    ON CONFLICT DO NOTHING
                    """,
                    ("@digest", manifest.ToArray()),
                    ("@encoder", encoder),
                    ("@hash", file.Hash),
                    ("@size", file.Size)),
                cancellationToken),
            cancellationToken);
    }

    private static NarFile ReadNarFile(DbDataReader reader) => new()
    {
        Name = reader.GetString(0),
        Compression = (NarCompression)reader.GetInt32(1),
        NarHash = reader.GetBytes(2),
        NarSize = (ulong)reader.GetInt64(3),
        FileSize = (ulong)reader.GetInt64(4),
        Draft = reader.IsDBNull(5) ? null : reader.GetBytes(5),
        Path = reader.GetStringOrNull(6) is { } path ? StorePath.ParseBaseName(path) : null,
    };
}
