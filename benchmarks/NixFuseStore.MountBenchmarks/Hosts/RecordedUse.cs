using Microsoft.Data.Sqlite;
using NixFuseStore.Nix.LocalStores;

namespace NixFuseStore.MountBenchmarks.Hosts;

/// <summary>What a server remembers of what hosts read.</summary>
internal static class RecordedUse
{
    /// <summary>Makes the next host the first one ever. The server may be running.</summary>
    public static void Forget(string dataDirectory)
    {
        SystemSqlite.Load();
        using var connection = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = Path.Combine(dataDirectory, "metadata.sqlite"),
            Pooling = false,
        }.ToString());
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = "PRAGMA busy_timeout = 10000; DELETE FROM chunk_uses";
        command.ExecuteNonQuery();
    }
}
