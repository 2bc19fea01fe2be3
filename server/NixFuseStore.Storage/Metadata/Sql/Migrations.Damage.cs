namespace NixFuseStore.Storage.Metadata.Sql;

/// <content>Sums of stored bytes, and what is known to be damaged.</content>
internal static partial class Migrations
{
    /// <summary><c>damage.digest</c> is that of a chunk which a chunks section lists, or the section's own.</summary>
    private static string[] Damage =>
    [
        "ALTER TABLE chunks ADD COLUMN sum {big} NOT NULL DEFAULT 0",
        "CREATE INDEX chunks_by_pack ON chunks (pack, start)",
        "CREATE INDEX packs_open ON packs (id) WHERE state = 1",
        "CREATE INDEX manifests_by_chunks ON manifests (chunks_section)",
        """
        CREATE TABLE damaged_chunks (
          digest {bytes} NOT NULL PRIMARY KEY, pack {int} NOT NULL, start {int} NOT NULL, stored_length {int} NOT NULL,
          plain_length {int} NOT NULL, encoding {int} NOT NULL, sum {big} NOT NULL, store {int} NOT NULL, found {big} NOT NULL) {keyed}
        """,
        "CREATE TABLE damage (section {big} NOT NULL, digest {bytes} NOT NULL, PRIMARY KEY (section, digest)) {keyed}",
        "CREATE INDEX damage_by_digest ON damage (digest)",
        "CREATE TABLE blob_stores (identity {text} NOT NULL PRIMARY KEY, created {big} NOT NULL) {keyed}",
    ];

    private static string[] BuildLogFailures => ["ALTER TABLE build_logs ADD COLUMN failed {int} NOT NULL DEFAULT 0"];

    private static string[] BuildLogSums => ["ALTER TABLE build_logs ADD COLUMN sum {big} NOT NULL DEFAULT 0"];
}
