using NixFuseStore.Native.Sqlite;

namespace NixFuseStore.Storage.Metadata.Sql;

/// <summary>Prepares the native SQLite: the system's rather than the older bundled one.</summary>
internal static class SqliteLibrary
{
    private static readonly Lock Gate = new();
    private static bool _loaded;

    public static void Load()
    {
        lock (Gate)
        {
            if (!_loaded)
            {
                SystemSqlite.Prefer(typeof(SQLitePCL.SQLite3Provider_e_sqlite3).Assembly);
                SQLitePCL.Batteries_V2.Init();
                _loaded = true;
            }
        }
    }
}
