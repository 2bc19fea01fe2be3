using System.Runtime.InteropServices;

namespace NixFuseStore.Native;

/// <summary>The shared libraries of the system that these programs load while they run, and the packages that bring them.</summary>
public static class SystemLibraries
{
    /// <summary>libsqlite3, for the databases of local Nix stores, and for the server's own.</summary>
    public const string Sqlite = "libsqlite3.so.0";

    private static readonly (string Library, string Package)[] Packages =
    [
        ("libssl.so.3", "libssl3"),
        ("libcrypto.so.3", "libssl3"),
        ("libzstd.so.1", "libzstd1"),
        ("liblzma.so.5", "liblzma5"),
        ("libbz2.so.1.0", "libbz2-1.0"),
        ("liblz4.so.1", "liblz4-1"),
        (Sqlite, "libsqlite3-0"),
    ];

    // .NET's own cryptography ends the process, with a stack, where it finds no libssl; nothing works without zstd. libssl needs libcrypto.
    private static readonly string[] AlwaysNeeded = ["libcrypto.so.3", "libssl.so.3", "libzstd.so.1"];

    /// <summary>
    /// Loads what no command can do without, so that what is missing is told before anything is begun. What only some need (liblzma, libbz2,
    /// libsqlite3) is loaded at its first use.
    /// </summary>
    /// <exception cref="DllNotFoundException">One of them is missing; the message is one line and names the package.</exception>
    public static void Require()
    {
        foreach (string library in AlwaysNeeded)
        {
            Load(library);
        }
    }

    /// <summary>Loads a library for the rest of the process's life.</summary>
    /// <exception cref="DllNotFoundException">It is missing; the message is one line and names the package.</exception>
    public static nint Load(string library)
    {
        try
        {
            return NativeLibrary.Load(library);
        }
        catch (DllNotFoundException exception)
        {
            throw new DllNotFoundException(Describe(exception), exception);
        }
    }

    /// <summary>The package of Debian and Ubuntu that brings a library; null for one that is not known here.</summary>
    public static string? PackageOf(string library) => Array.Find(Packages, known => known.Library == library).Package;

    /// <summary>One line for a library that is missing, wherever the runtime found that out.</summary>
    public static string Describe(DllNotFoundException exception)
    {
        ArgumentNullException.ThrowIfNull(exception);
        if (exception.InnerException is DllNotFoundException inner)
        {
            return Describe(inner);
        }

        foreach (var (library, package) in Packages)
        {
            if (exception.Message.Contains(library, StringComparison.Ordinal))
            {
                return $"The system library {library} cannot be loaded: install it (Debian and Ubuntu: {package}).";
            }
        }

        return $"A system library cannot be loaded: {exception.Message.ReplaceLineEndings(" ")}";
    }
}
