namespace NixFuseStore.Cli.Mounting;

/// <summary>This program, to be started once more.</summary>
internal static class OwnProgram
{
    /// <summary>The program and its arguments, with flags directly behind the command: behind "--" they would be taken for a mount point.</summary>
    public static (string Program, IReadOnlyList<string> Arguments) With(ReadOnlySpan<string> args, params ReadOnlySpan<string> flags)
    {
        // By its path, which is what ps(1) shows, unless another version lies there by now.
        const string Own = "/proc/self/exe";
        string program = File.ResolveLinkTarget(Own, returnFinalTarget: false)?.FullName is { } path && File.Exists(path) ? path : Own;
        string[] before = Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? [Path.Join(AppContext.BaseDirectory, "nixfuse.dll")] : [];
        return (program, [.. before, .. Arguments(args, flags)]);
    }

    /// <summary>The arguments alone, for another program of this name.</summary>
    public static string[] Arguments(ReadOnlySpan<string> args, params ReadOnlySpan<string> flags) => [args[0], .. flags, .. args[1..]];
}
