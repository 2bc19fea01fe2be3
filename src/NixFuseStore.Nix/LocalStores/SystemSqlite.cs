using System.Reflection;
using System.Runtime.InteropServices;
using NixFuseStore.Native;

namespace NixFuseStore.Nix.LocalStores;

/// <summary>
/// Gives Microsoft.Data.Sqlite the system's libsqlite3, which gets security fixes; none is bundled. Left alone, Microsoft.Data.Sqlite looks
/// for a provider by reflection, which finds nothing in a program that was compiled ahead of time.
/// </summary>
public static class SystemSqlite
{
    // The name by which the provider's functions ask for it. The loader would only find the link of the development package.
    private const string ProviderName = "sqlite3";

    private static readonly Lazy<bool> Loaded = new(Prepare);

    /// <summary>To be called before the first connection; only the first call of a process does anything.</summary>
    /// <exception cref="DllNotFoundException">The system has no libsqlite3; the message names the package that brings it.</exception>
    public static void Load() => _ = Loaded.Value;

    private static bool Prepare()
    {
        // The runtime takes one resolver an assembly and throws at the second.
        nint library = SystemLibraries.Load(SystemLibraries.Sqlite);
        NativeLibrary.SetDllImportResolver(
            typeof(SQLitePCL.SQLite3Provider_sqlite3).Assembly,
            (string name, Assembly _, DllImportSearchPath? _) => name == ProviderName ? library : 0);
        SQLitePCL.raw.SetProvider(new SQLitePCL.SQLite3Provider_sqlite3());
        return true;
    }
}
