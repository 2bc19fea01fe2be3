using System.Globalization;
using System.Text;
using NixFuseStore.Cache;
using NixFuseStore.Cli.Access;
using NixFuseStore.Cli.Errors;
using NixFuseStore.Cli.Settings;
using NixFuseStore.Native.Linux;
using NixFuseStore.Settings;

namespace NixFuseStore.Cli.Mounting;

/// <summary>
/// Reads the arguments of <c>nixfuse mount</c> by hand: a job waits for the mount, and the general parser takes longer to load than
/// everything else here. The command's description for the help text is in <c>MountCommand</c>.
/// </summary>
internal static class MountArguments
{
    public const string CommandName = "mount";

    /// <summary>Given by a launcher to the supervisor, and by that one to its workers: the mount has left the terminal. Not for users, as the next two.</summary>
    public const string DetachedFlag = "--detached";

    /// <summary>Given by a supervisor to the process that is to serve.</summary>
    public const string WorkerFlag = "--worker";

    /// <summary>Given by a worker whose supervisor has died to the next one.</summary>
    public const string AdoptFlag = "--adopt";

    public const string TrustedOption = "--trusted";

    public const string MetricsOption = "--metrics";

    public const string NoBuildsOption = "--no-builds";

    public const string NoFleetBuildsOption = "--no-fleet-builds";

    public const string JobsOption = "--max-jobs";

    public const string CoresOption = "--cores";

    public const string BuildDirectoryOption = "--build-dir";

    public const string BuildNixOption = "--build-nix";

    public const string SystemFeaturesOption = "--system-features";

    public const string ExtraPlatformsOption = "--extra-platforms";

    public const string BuildMemoryOption = "--build-memory";

    public const string BuildProcessesOption = "--build-processes";

    private static readonly string[] Options =
    [
        "--foreground", "--trace", MetricsOption, TrustedOption, "--server", "--store", "--token-file", "--tls-ca", "--trusted-public-key", "--cache-dir", "--cache-size", "--read-ahead", NoBuildsOption,
        NoFleetBuildsOption, JobsOption, CoresOption, BuildDirectoryOption, BuildNixOption, SystemFeaturesOption, ExtraPlatformsOption, BuildMemoryOption, BuildProcessesOption, "--help",
    ];

    private static readonly string[] PathOptions = ["--cache-dir", "--token-file", "--tls-ca", BuildDirectoryOption, BuildNixOption];

    private static readonly string[] Flags =
        ["--foreground", "--trace", DetachedFlag, WorkerFlag, AdoptFlag, NoBuildsOption, NoFleetBuildsOption];

    private const int ReadAheadKibibytesMax = 64 << 10;

    private const int JobsMost = 1024;

    /// <summary>Stock Nix itself takes some.</summary>
    private const int ProcessesLeast = 20;

    private const int ProcessesMost = 1 << 22;

    private const long MemoryLeast = 64 << 20;

    private const int FeaturesMost = 60;

    private const int PlatformsMost = 15;

    private const int WordBytesMost = 64;

    /// <summary>Whether the command line is one for this parser: a mount, and no plea for help.</summary>
    public static bool Takes(ReadOnlySpan<string> args)
        => args.Length > 0 && args[0] == CommandName && args.IndexOfAny(["--help", "-h", "-?"]) < 0;

    /// <summary>The command line as it has to be for a process with another working directory.</summary>
    /// <param name="args">The whole command line; what is wrong with it stays so.</param>
    public static string[] WithAbsolutePaths(string[] args)
    {
        var absolute = (string[])args.Clone();
        var onlyOperands = false;
        for (var i = 1; i < absolute.Length; i++)
        {
            var split = absolute[i].IndexOf('=', StringComparison.Ordinal);
            var name = split < 0 ? absolute[i] : absolute[i][..split];
            if (onlyOperands || !name.StartsWith('-') || name.Length == 1)
            {
                absolute[i] = Absolute(absolute[i]);
            }
            else if (name == "--")
            {
                onlyOperands = true;
            }
            else if (split >= 0)
            {
                absolute[i] = PathOptions.Contains(name) ? name + "=" + Absolute(absolute[i][(split + 1)..]) : absolute[i];
            }
            else if (!Flags.Contains(name) && ++i < absolute.Length && PathOptions.Contains(name))
            {
                absolute[i] = Absolute(absolute[i]);
            }
        }

        return absolute;

        static string Absolute(string path) => path.Length == 0 ? path : Path.GetFullPath(path);
    }

    /// <summary>The command line without what says which process it is for.</summary>
    public static string[] WithoutProcess(string[] args) => [.. args.Where(static arg => arg is not (WorkerFlag or AdoptFlag))];

    /// <summary>The command line of any of the mount's processes with more arguments, which those that are there override; it may have them already.</summary>
    public static string[] WithArguments(string[] args, IReadOnlyList<string> more)
    {
        var plain = WithoutProcess(args);
        return plain.AsSpan(1).StartsWith(more.ToArray()) ? plain : [plain[0], .. more, .. plain.AsSpan(1)];
    }

    /// <summary>Reads the command line of a process that serves a mount. One that goes on with a mount does so even where the settings files cannot be used any more.</summary>
    /// <param name="args">What stands behind "mount".</param>
    /// <param name="isResumed">Whether it goes on with a mount.</param>
    /// <param name="note">Told in one line what was passed over.</param>
    /// <exception cref="UsageException">Something is wrong with them.</exception>
    /// <exception cref="CliException">A file they name cannot be used.</exception>
    /// <exception cref="SettingsException">A settings file cannot be used.</exception>
    public static MountSettings Parse(ReadOnlySpan<string> args, bool isResumed, Action<string> note)
    {
        try
        {
            return Parse(args);
        }
        catch (SettingsException e) when (isResumed)
        {
            note($"the settings files are passed over: {e.Message}");
            return Parse(args, SettingsFiles.None.Client);
        }
    }

    /// <param name="args">What stands behind "mount".</param>
    /// <exception cref="UsageException">Something is wrong with them.</exception>
    /// <exception cref="CliException">A file they name cannot be used.</exception>
    /// <exception cref="SettingsException">A settings file cannot be used.</exception>
    public static MountSettings Parse(ReadOnlySpan<string> args) => Parse(args, SettingsFiles.Load().Client);

    /// <summary>As the other, with settings that were read before.</summary>
    internal static MountSettings Parse(ReadOnlySpan<string> args, ClientSettings configured)
    {
        string? mountPoint = null, server = null, store = null, tokenFile = null, tlsAuthority = null, cacheDirectory = null, metrics = null;
        var keys = new List<string>();
        bool foreground = false, trace = false, detached = false, onlyOperands = false;
        var trusted = new List<string>();
        long? cacheBytes = null;
        var readAhead = MountSettings.ReadAheadKibibytesDefault;
        BuildSettings? builds = new();

        for (var i = 0; i < args.Length; i++)
        {
            // 1. Operands: just the mount point.
            if (onlyOperands || !args[i].StartsWith('-') || args[i].Length == 1)
            {
                mountPoint = mountPoint is null ? args[i] : throw new UsageException($"there is one mount point, not both '{mountPoint}' and '{args[i]}'");
                continue;
            }

            // 2. An option, its value behind "=" or in the next argument.
            var split = args[i].IndexOf('=', StringComparison.Ordinal);
            var name = split < 0 ? args[i] : args[i][..split];
            switch (name)
            {
                case "--":
                    onlyOperands = true;
                    break;
                case "--foreground":
                    foreground = true;
                    break;
                case "--trace":
                    trace = true;
                    break;
                case MetricsOption:
                    metrics = Value(args, ref i, split);
                    break;
                case TrustedOption:
                    trusted.Add(Value(args, ref i, split));
                    break;
                case DetachedFlag:
                    detached = true;
                    break;
                case WorkerFlag:
                    break;
                case "--server":
                    server = Value(args, ref i, split);
                    break;
                case "--store":
                    store = Value(args, ref i, split);
                    break;
                case "--token-file":
                    tokenFile = Value(args, ref i, split);
                    break;
                case "--tls-ca":
                    tlsAuthority = Value(args, ref i, split);
                    break;
                case "--trusted-public-key":
                    keys.Add(Value(args, ref i, split));
                    break;
                case "--cache-dir":
                    cacheDirectory = Value(args, ref i, split);
                    break;
                case "--cache-size":
                    cacheBytes = ParseCacheSize(Value(args, ref i, split));
                    break;
                case "--read-ahead":
                    readAhead = ParseReadAhead(Value(args, ref i, split));
                    break;
                case NoBuildsOption:
                    builds = null;
                    break;
                case NoFleetBuildsOption:
                    builds = builds is null ? null : builds with { BuildsForOthers = false };
                    break;
                case JobsOption:
                    var jobs = ParseCount(JobsOption, Value(args, ref i, split), 0, JobsMost);
                    builds = builds is null ? null : builds with { JobsMax = jobs };
                    break;
                case CoresOption:
                    var cores = ParseCount(CoresOption, Value(args, ref i, split), 1, JobsMost);
                    builds = builds is null ? null : builds with { Cores = cores };
                    break;
                case BuildDirectoryOption:
                    var buildDirectory = Path.GetFullPath(Value(args, ref i, split));
                    builds = builds is null ? null : builds with { Directory = buildDirectory };
                    break;
                case BuildMemoryOption:
                    var memory = ParseBuildMemory(Value(args, ref i, split));
                    builds = builds is null ? null : builds with { MemoryBytes = memory };
                    break;
                case BuildProcessesOption:
                    var processes = ParseCount(BuildProcessesOption, Value(args, ref i, split), ProcessesLeast, ProcessesMost);
                    builds = builds is null ? null : builds with { Processes = processes };
                    break;
                case SystemFeaturesOption:
                    var features = ParseWords(SystemFeaturesOption, Value(args, ref i, split), FeaturesMost);
                    builds = builds is null ? null : builds with { SystemFeatures = features };
                    break;
                case ExtraPlatformsOption:
                    var platforms = ParseWords(ExtraPlatformsOption, Value(args, ref i, split), PlatformsMost);
                    builds = builds is null ? null : builds with { ExtraPlatforms = platforms };
                    break;
                case BuildNixOption:
                    var nix = Path.GetFullPath(Value(args, ref i, split));
                    builds = builds is null ? null : builds with { Nix = nix };
                    break;
                default:
                    throw new UsageException(UsageErrors.UnknownOption(CommandName, name, Options));
            }
        }

        // The runtime has put U+FFFD where bytes were none of UTF-8, so that the path is not what the user wrote.
        if (mountPoint?.Contains('\uFFFD', StringComparison.Ordinal) == true && !Directory.Exists(mountPoint))
        {
            throw new UsageException($"the name of the mount point {mountPoint} is not UTF-8, which nixfuse needs; mount at a directory with another name");
        }

        // 3. Together with the environment and the settings files.
        return new MountSettings
        {
            MountPoint = mountPoint is { Length: > 0 } ? mountPoint : throw new UsageException(UsageErrors.MissingOperand(CommandName, "MOUNTPOINT")),
            Store = StoreSettingsReader.Resolve(server, store, tokenFile, keys, tlsAuthority, configured),
            Foreground = foreground,
            Trace = trace,
            Metrics = ParseMetrics(metrics, configured.Metrics),
            IsDetached = detached,
            CacheDirectory = cacheDirectory,
            CacheBytesMax = cacheBytes ?? ConfiguredCacheSize(configured) ?? MountSettings.CacheBytesDefault,
            ReadAheadKibibytes = readAhead,
            Trusted = ParseTrusted(trusted, configured),
            Builds = builds,
        };
    }

    private static string Value(ReadOnlySpan<string> args, ref int index, int split)
    {
        if (split >= 0)
        {
            return args[index][(split + 1)..];
        }

        return index + 1 < args.Length ? args[++index] : throw new UsageException(UsageErrors.WantsValue(CommandName, args[index]));
    }

    private static MetricsAddress? ParseMetrics(string? given, Setting<string>? configured)
    {
        try
        {
            return (given ?? configured?.Value) is { } text ? MetricsAddress.Parse(text) : null;
        }
        catch (FormatException e)
        {
            throw given is not null || configured is null ? new UsageException($"{MetricsOption}: {e.Message}") : configured.Wrong(e.Message);
        }
    }

    private static TrustedClients ParseTrusted(List<string> trusted, ClientSettings configured)
    {
        try
        {
            return TrustedClients.Parse(trusted.Count > 0 ? trusted : configured.Trusted?.Value ?? [], Libc.EffectiveUserId);
        }
        catch (FormatException e)
        {
            throw trusted.Count > 0 || configured.Trusted is not { } setting ? new UsageException($"{TrustedOption}: {e.Message}") : setting.Wrong(e.Message);
        }
    }

    private static long? ConfiguredCacheSize(ClientSettings configured)
    {
        if (configured.CacheSize is not { } setting)
        {
            return null;
        }

        return ByteSize.TryParse(setting.Value, out var bytes) && bytes >= ChunkCacheOptions.SizeBytesMin
            ? bytes
            : throw setting.Wrong($"it wants a size such as 20GiB, at least {ByteSize.Format(ChunkCacheOptions.SizeBytesMin)}, not '{setting.Value}'");
    }

    private static long ParseCacheSize(string text)
        => !ByteSize.TryParse(text, out var bytes) ? throw new UsageException($"--cache-size wants a size such as 20GiB, not '{text}'")
            : bytes < ChunkCacheOptions.SizeBytesMin ? throw new UsageException($"--cache-size {text} is too little; the least is {ByteSize.Format(ChunkCacheOptions.SizeBytesMin)}")
            : bytes;

    private static long ParseBuildMemory(string text)
        => !ByteSize.TryParse(text, out var bytes) ? throw new UsageException($"{BuildMemoryOption} wants a size such as 8GiB, not '{text}'")
            : bytes < MemoryLeast ? throw new UsageException($"{BuildMemoryOption} {text} is too little; the least is {ByteSize.Format(MemoryLeast)}")
            : bytes;

    private static int ParseCount(string option, string text, int least, int most)
        => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count >= least && count <= most
            ? count
            : throw new UsageException($"{option} wants a number from {least} to {most}, not '{text}'");

    // As in nix.conf: words with spaces between them, or none. Servers take no more.
    private static string[] ParseWords(string option, string text, int most)
    {
        string[] words = [.. text.Split([' ', '\t', '\n'], StringSplitOptions.RemoveEmptyEntries).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        return words.Length <= most && words.All(static word => Encoding.UTF8.GetByteCount(word) <= WordBytesMost)
            ? words
            : throw new UsageException($"{option} wants at most {most} words of at most {WordBytesMost} bytes");
    }

    private static int ParseReadAhead(string text)
        => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var kibibytes) && kibibytes is >= 4 and <= ReadAheadKibibytesMax
            ? kibibytes
            : throw new UsageException($"--read-ahead wants KiB from 4 to {ReadAheadKibibytesMax}, not '{text}'");
}
