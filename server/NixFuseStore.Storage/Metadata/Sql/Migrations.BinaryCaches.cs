namespace NixFuseStore.Storage.Metadata.Sql;

/// <content>What binary caches need: uploads, and upstreams.</content>
internal static partial class Migrations
{
    /// <summary>Not <c>{keyed}</c>: drafts are long, and SQLite would carry them through the inner pages of the key.</summary>
    private static string[] NarFiles =>
    [
        """
        CREATE TABLE nar_files (
          id {id}, store {int} NOT NULL REFERENCES stores(id), name {text} NOT NULL, compression {int} NOT NULL, nar_hash {bytes} NOT NULL,
          nar_size {big} NOT NULL, file_size {big} NOT NULL, draft {bytes}, path {big} REFERENCES paths(id), expires {big},
          UNIQUE (store, name))
        """,
        "CREATE INDEX nar_files_by_path ON nar_files (path)",
        "CREATE INDEX nar_files_by_expiry ON nar_files (expires)",
    ];

    private static string[] CompressedNars =>
    [
        """
        CREATE TABLE compressed_nars (
          manifest {big} NOT NULL REFERENCES manifests(id), encoder {text} NOT NULL, hash {bytes} NOT NULL, size {big} NOT NULL,
          PRIMARY KEY (manifest, encoder)) {keyed}
        """,
    ];

    private static string[] StoreTexts =>
    [
        """
        CREATE TABLE store_texts (
          store {int} NOT NULL REFERENCES stores(id), name {text} NOT NULL, value {text} NOT NULL, PRIMARY KEY (store, name)) {keyed}
        """,
    ];

    private static string[] Upstreams =>
    [
        """
        CREATE TABLE store_upstreams (
          id {id}, store {int} NOT NULL REFERENCES stores(id), kind {int} NOT NULL, value {text} NOT NULL, UNIQUE (store, kind, value))
        """,
    ];
}
