using NixFuseStore.Testing.Users;

namespace NixFuseStore.EndToEnd.Tests.Fixtures;

/// <summary>Where the built programs are, and what else a test needs of the machine; a test without it is skipped with the reason.</summary>
internal static class Programs
{
    public static string Repository { get; } = FindRepository();

    /// <summary>The client. The quick build is a link, and is used where it is; the native one also by other users.</summary>
    public static string Nixfuse => new FileInfo(Built("nixfuse")).LinkTarget is null ? ReachablePrograms.File(Built("nixfuse")) : Built("nixfuse");

    public static string Server => Built("nixfuse-server");

    /// <summary>The client as it ships: one file, which needs no .NET.</summary>
    public static string NativeNixfuse
    {
        get
        {
            if (new FileInfo(Nixfuse).LinkTarget is not null)
            {
                Assert.Skip("out/nixfuse is the quick build: run ./build.sh");
            }

            return Nixfuse;
        }
    }

    public static void RequireRootAndFuse()
    {
        if (Environment.UserName != "root")
        {
            Assert.Skip("needs root, for mounts and network namespaces");
        }

        if (!File.Exists("/dev/fuse"))
        {
            Assert.Skip("needs /dev/fuse");
        }
    }

    public static void Require(string program)
    {
        if (!(Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, program))))
        {
            Assert.Skip($"needs {program}");
        }
    }

    private static string Built(string name)
    {
        var path = Path.Combine(Repository, "out", name);
        if (!File.Exists(path))
        {
            Assert.Skip($"needs out/{name}: run ./build.sh");
        }

        return path;
    }

    private static string FindRepository()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "NixFuseStore.sln")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException("The tests run outside the repository.");
    }
}
