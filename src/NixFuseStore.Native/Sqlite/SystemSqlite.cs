using System.Reflection;
using System.Runtime.InteropServices;

namespace NixFuseStore.Native.Sqlite;

/// <summary>
/// Makes a SQLite provider assembly use the system's libsqlite3, which gets security fixes, in place of the old one that its
/// package bundles. Where the system has none, the bundled one serves.
/// </summary>
public static class SystemSqlite
{
    private const string BundledName = "e_sqlite3";
    private const string SystemName = "libsqlite3.so.0";

    // Guards Prepared: the runtime takes one resolver an assembly and throws at the second.
    private static readonly Lock Gate = new();
    private static readonly HashSet<Assembly> Prepared = [];

    /// <summary>
    /// To be called before the first use of the provider (for SQLitePCLRaw: the assembly of <c>SQLite3Provider_e_sqlite3</c>).
    /// May be called by several users of one process; only the first call for an assembly does anything.
    /// </summary>
    public static void Prefer(Assembly provider)
    {
        ArgumentNullException.ThrowIfNull(provider);
        lock (Gate)
        {
            if (Prepared.Add(provider))
            {
                NativeLibrary.SetDllImportResolver(provider, Resolve);
            }
        }
    }

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? searchPath) =>
        name == BundledName && NativeLibrary.TryLoad(SystemName, out nint library) ? library : 0;
}
