namespace NixFuseStore.Storage.Metadata.Sql;

/// <content>Executions of builds, who waits for them, and what they print while they run.</content>
internal static partial class Migrations
{
    /// <summary>Numbers are fencing numbers: none is given out twice.</summary>
    private static string[] Builds =>
    [
        """
        CREATE TABLE builds (
          id {serial}, store {int} NOT NULL REFERENCES stores(id), outputs_key {bytes} NOT NULL, base_name {text} NOT NULL,
          text_hash {bytes} NOT NULL, timeout {big} NOT NULL, max_silent_time {big} NOT NULL, max_log_size {big} NOT NULL, keep_failed {int} NOT NULL,
          owner {text} NOT NULL, host {text} NOT NULL, asker {text} NOT NULL, system {text} NOT NULL, features {text} NOT NULL,
          state {int} NOT NULL, lease_until {big} NOT NULL, created {big} NOT NULL, ended {big},
          status {int} NOT NULL DEFAULT 0, message {text} NOT NULL DEFAULT '', start_time {big} NOT NULL DEFAULT 0,
          stop_time {big} NOT NULL DEFAULT 0, log_bytes {big} NOT NULL DEFAULT 0)
        """,
        "CREATE UNIQUE INDEX builds_open ON builds (store, outputs_key) WHERE ended IS NULL",
        "CREATE INDEX builds_queued ON builds (store, id) WHERE state = 5",
        "CREATE INDEX builds_ended ON builds (store, ended) WHERE ended IS NOT NULL",
        """
        CREATE TABLE build_waiters (
          build {int} NOT NULL REFERENCES builds(id), waiter {text} NOT NULL, lease_until {big} NOT NULL, PRIMARY KEY (build, waiter)) {keyed}
        """,
        """
        CREATE TABLE build_log_parts (
          id {id}, build {int} NOT NULL REFERENCES builds(id), position {big} NOT NULL, bytes {bytes} NOT NULL, UNIQUE (build, position))
        """,

        // Who may administer may build, too: AccessRights.Build is 8, and no other right is above 4.
        "UPDATE tokens SET rights_everywhere = rights_everywhere + 8 WHERE rights_everywhere BETWEEN 4 AND 7",
        "UPDATE token_rights SET rights = rights + 8 WHERE rights BETWEEN 4 AND 7",
    ];
}
