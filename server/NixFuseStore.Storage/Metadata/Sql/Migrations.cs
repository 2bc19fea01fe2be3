namespace NixFuseStore.Storage.Metadata.Sql;

/// <summary>All steps of the schema; SCHEMA.md tells what each table is for.</summary>
internal static partial class Migrations
{
    public static IReadOnlyList<Migration> All =>
    [
        new(1, [.. Stores, .. Contents, .. Paths, .. Roots], PostgresStorage),
        new(2, [.. RootsOfHosts, .. BuildLogs], ["ALTER TABLE build_logs ALTER COLUMN zstd SET STORAGE EXTERNAL"]),
        new(3, [.. NarFiles, .. Upstreams], ["ALTER TABLE nar_files ALTER COLUMN draft SET STORAGE EXTERNAL"]),
        new(4, Uses, []),
        new(5, CompressedNars, []),
        new(6, EventIds, []),
        new(7, StoreTexts, []),
        new(8, TokenExpiry, []),
        new(9, Damage, []),
        new(10, BuildLogSums, []),
        new(11, BuildLogFailures, []),
        new(12, Builds, []),
    ];

    private static string[] TokenExpiry => ["ALTER TABLE tokens ADD COLUMN expires {big}"];

    private static string[] Stores =>
    [
        """
        CREATE TABLE stores (
          id {id}, name {text} NOT NULL UNIQUE, directory {text} NOT NULL, uuid {bytes} NOT NULL, chunking_parameters {int} NOT NULL,
          created {big} NOT NULL, last_event {big} NOT NULL DEFAULT 0, trimmed_event {big} NOT NULL DEFAULT 0)
        """,
        """
        CREATE TABLE store_keys (
          id {id}, store {int} NOT NULL REFERENCES stores(id), public_key {text} NOT NULL, secret_key {text} NOT NULL, created {big} NOT NULL,
          UNIQUE (store, public_key))
        """,
        """
        CREATE TABLE tokens (
          id {serial}, hash {bytes} NOT NULL UNIQUE, label {text} NOT NULL, rights_everywhere {int} NOT NULL,
          created {big} NOT NULL, last_used {big}, revoked {big})
        """,
        """
        CREATE TABLE token_rights (
          token {big} NOT NULL REFERENCES tokens(id), store {int} NOT NULL REFERENCES stores(id), rights {int} NOT NULL,
          PRIMARY KEY (token, store)) {keyed}
        """,
        """
        CREATE TABLE events (
          store {int} NOT NULL, number {big} NOT NULL, kind {int} NOT NULL, base_name {text} NOT NULL,
          PRIMARY KEY (store, number)) {keyed}
        """,
    ];

    private static string[] Contents =>
    [
        """
        CREATE TABLE packs (
          id {serial}, name {text} NOT NULL UNIQUE, state {int} NOT NULL, owner {text} NOT NULL, lease_until {big} NOT NULL,
          indexed_bytes {big} NOT NULL, created {big} NOT NULL)
        """,
        """
        CREATE TABLE chunks (
          digest {bytes} NOT NULL PRIMARY KEY, pack {int} NOT NULL, start {int} NOT NULL, stored_length {int} NOT NULL,
          plain_length {int} NOT NULL, encoding {int} NOT NULL, store {int} NOT NULL, created {int} NOT NULL) {keyed}
        """,
        """
        CREATE TABLE chunk_stores (digest {bytes} NOT NULL, store {int} NOT NULL, PRIMARY KEY (digest, store)) {keyed}
        """,
        """
        CREATE TABLE sections (id {id}, digest {bytes} NOT NULL UNIQUE, plain_length {int} NOT NULL, zstd {bytes} NOT NULL)
        """,
        """
        CREATE TABLE locations (section {big} NOT NULL PRIMARY KEY REFERENCES sections(id), places {bytes} NOT NULL)
        """,
        """
        CREATE TABLE section_packs (
          section {big} NOT NULL REFERENCES locations(section), pack {int} NOT NULL, bytes {big} NOT NULL,
          PRIMARY KEY (section, pack)) {keyed}
        """,
        """
        CREATE TABLE manifests (
          id {id}, digest {bytes} NOT NULL UNIQUE, header {bytes} NOT NULL,
          root_kind {int} NOT NULL, root_executable {int} NOT NULL, root_size {big} NOT NULL,
          tree_section {big} REFERENCES sections(id), chunks_section {big} REFERENCES locations(section),
          blanks_section {big} REFERENCES sections(id))
        """,
    ];

    private static string[] Paths =>
    [
        """
        CREATE TABLE paths (
          id {id}, store {int} NOT NULL REFERENCES stores(id), hash_part {text} NOT NULL, name {text} NOT NULL,
          nar_hash {bytes} NOT NULL, nar_size {big} NOT NULL, deriver {text}, content_address {text}, registered {big} NOT NULL,
          ultimate {int} NOT NULL, manifest {big} NOT NULL REFERENCES manifests(id), event {big} NOT NULL,
          UNIQUE (store, hash_part))
        """,
        "CREATE INDEX paths_by_manifest ON paths (manifest)",
        """
        CREATE TABLE path_references (
          referrer {big} NOT NULL REFERENCES paths(id), reference {big} NOT NULL REFERENCES paths(id),
          PRIMARY KEY (referrer, reference)) {keyed}
        """,
        "CREATE INDEX path_references_back ON path_references (reference)",
        """
        CREATE TABLE signatures (
          path {big} NOT NULL REFERENCES paths(id), kind {int} NOT NULL, signature {text} NOT NULL,
          PRIMARY KEY (path, kind, signature)) {keyed}
        """,
        """
        CREATE TABLE derivation_outputs (
          path {big} NOT NULL REFERENCES paths(id), output {text} NOT NULL, base_name {text} NOT NULL,
          PRIMARY KEY (path, output)) {keyed}
        """,
        "CREATE INDEX derivation_outputs_back ON derivation_outputs (base_name)",
        """
        CREATE TABLE realisations (
          store {int} NOT NULL REFERENCES stores(id), id {text} NOT NULL, json {text} NOT NULL, PRIMARY KEY (store, id)) {keyed}
        """,
    ];

    private static string[] Roots =>
    [
        """
        CREATE TABLE roots (
          store {int} NOT NULL REFERENCES stores(id), name {text} NOT NULL, path {big} NOT NULL REFERENCES paths(id),
          PRIMARY KEY (store, name)) {keyed}
        """,
        "CREATE INDEX roots_by_path ON roots (path)",
        """
        CREATE TABLE sessions (
          id {serial}, store {int} NOT NULL REFERENCES stores(id), owner {text} NOT NULL, lease_until {big} NOT NULL, created {big} NOT NULL)
        """,
        """
        CREATE TABLE session_roots (
          session {big} NOT NULL REFERENCES sessions(id), base_name {text} NOT NULL, PRIMARY KEY (session, base_name)) {keyed}
        """,
    ];

    private static string[] Uses =>
    [
        """
        CREATE TABLE chunk_uses (
          section {big} NOT NULL REFERENCES locations(section) ON DELETE CASCADE, store {int} NOT NULL REFERENCES stores(id),
          scores {bytes} NOT NULL, PRIMARY KEY (section, store)) {keyed}
        """,
    ];

    /// <summary>Events of before have no ids: followers start afresh.</summary>
    private static string[] EventIds =>
    [
        "DROP TABLE events",
        """
        CREATE TABLE events (
          store {int} NOT NULL, number {big} NOT NULL, id {bytes} NOT NULL, kind {int} NOT NULL, base_name {text} NOT NULL,
          PRIMARY KEY (store, number)) {keyed}
        """,
        "UPDATE stores SET trimmed_event = last_event",
    ];

    /// <summary>These bytes are compressed or random already; PostgreSQL shall not try once more.</summary>
    private static string[] PostgresStorage =>
    [
        "ALTER TABLE sections ALTER COLUMN zstd SET STORAGE EXTERNAL",
        "ALTER TABLE locations ALTER COLUMN places SET STORAGE EXTERNAL",
        "ALTER TABLE manifests ALTER COLUMN header SET STORAGE EXTERNAL",
    ];
}
