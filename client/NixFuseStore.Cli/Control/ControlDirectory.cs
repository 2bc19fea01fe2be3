using NixFuseStore.Native.Linux;

namespace NixFuseStore.Cli.Control;

/// <summary>Where control sockets are, one per serving process: below /run for root, below the user's runtime directory for others.</summary>
internal static class ControlDirectory
{
    private const string SystemDirectory = "/run/nixfuse";
    private const string Pattern = "*.sock";
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    // Others may look at a system-wide mount's status; see ControlServer for what else they may.
    private const UnixFileMode Readable = OwnerOnly | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    /// <summary>The path for this process's socket; its directory is made.</summary>
    public static string NewSocketPath()
    {
        // Process ids are no names: two containers may share /run.
        return Path.Join(Own(), $"{Environment.ProcessId}-{Guid.NewGuid().ToString("N")[..8]}.sock");
    }

    /// <summary>This user's directory, which is made.</summary>
    /// <exception cref="CliException">It is somebody else's, who could put sockets of his own there.</exception>
    public static string Own()
    {
        var directory = OwnDirectory();
        var mode = Libc.EffectiveUserId == 0 ? Readable : OwnerOnly;
        Directory.CreateDirectory(directory, mode);
        try
        {
            // Below /tmp anybody may have made it before; only the owner may do this.
            File.SetUnixFileMode(directory, mode);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new CliException($"the directory {directory} belongs to another user; set XDG_RUNTIME_DIR to one of yours", e);
        }

        return directory;
    }

    /// <summary>All sockets that this user can see; some may belong to processes that have died.</summary>
    public static IReadOnlyList<string> Sockets()
    {
        var directories = new List<string> { SystemDirectory };
        if (OwnDirectory() is var own && own != SystemDirectory)
        {
            directories.Add(own);
        }

        if (Libc.EffectiveUserId == 0 && Directory.Exists("/run/user"))
        {
            directories.AddRange(Directory.EnumerateDirectories("/run/user").Select(user => Path.Join(user, "nixfuse")));
        }

        var sockets = new List<string>();
        foreach (var directory in directories.Where(Directory.Exists))
        {
            try
            {
                sockets.AddRange(Directory.EnumerateFiles(directory, Pattern).Order(StringComparer.Ordinal));
            }
            catch (UnauthorizedAccessException)
            {
                // Another user's business.
            }
        }

        return sockets;
    }

    private static string OwnDirectory()
    {
        if (Libc.EffectiveUserId == 0)
        {
            return SystemDirectory;
        }

        return Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR") is { Length: > 0 } runtime
            ? Path.Join(runtime, "nixfuse")
            : $"/tmp/nixfuse-{Libc.EffectiveUserId}";
    }
}
