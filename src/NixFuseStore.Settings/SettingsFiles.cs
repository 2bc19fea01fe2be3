namespace NixFuseStore.Settings;

/// <summary>
/// The settings files of a user on this host. What the user's own file says beats the system's; both stand behind the command line and
/// the environment, which the programs look at themselves.
/// </summary>
public sealed class SettingsFiles
{
    /// <summary>The settings of the whole host.</summary>
    public const string SystemFile = "/etc/nixfuse/config.toml";

    // The one that beats the others comes first.
    private readonly SettingsFile[] _files;

    private SettingsFiles(SettingsFile[] files) => _files = files;

    /// <summary>The settings of the user who runs the program, or null where there is neither XDG_CONFIG_HOME nor HOME.</summary>
    public static string? UserFile
    {
        get
        {
            // A relative XDG_CONFIG_HOME is to be ignored (XDG base directory specification).
            var directory = Environment.GetEnvironmentVariable("XDG_CONFIG_HOME") is { Length: > 0 } configured && Path.IsPathRooted(configured)
                ? configured
                : Environment.GetEnvironmentVariable("HOME") is { Length: > 0 } home && Path.IsPathRooted(home) ? Path.Combine(home, ".config") : null;
            return directory is null ? null : Path.Combine(directory, "nixfuse", "config.toml");
        }
    }

    /// <summary>No files.</summary>
    public static SettingsFiles None => new([]);

    /// <summary>Reads what is there. A system file that this user may not read is skipped: it holds a server's secrets.</summary>
    /// <exception cref="SettingsException">One of them cannot be used as it is.</exception>
    public static SettingsFiles Load() => Load(UserFile, SystemFile);

    /// <summary>As the other, with other files.</summary>
    /// <inheritdoc cref="Load()"/>
    public static SettingsFiles Load(string? userFile, string systemFile)
    {
        var files = new List<SettingsFile>();
        if (userFile is not null && SettingsFile.TryRead(userFile, skipUnreadable: false) is { } user)
        {
            files.Add(user);
        }

        if (SettingsFile.TryRead(systemFile, skipUnreadable: true) is { } system)
        {
            files.Add(system);
        }

        return new SettingsFiles([.. files]);
    }

    /// <summary>What they say for the client.</summary>
    public ClientSettings Client => new(this);

    /// <summary>What they say for the server.</summary>
    public ServerSettings Server => new(this);

    internal Setting<IReadOnlyList<string>>? List(SettingKey key) => _files.Select(file => file.Find(key)).FirstOrDefault(setting => setting is not null);

    internal Setting<string>? Text(SettingKey key) => List(key) is { } setting ? new Setting<string>(setting.Value[0], setting.Key, setting.Origin) : null;
}
