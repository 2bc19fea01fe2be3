using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using NixFuseStore.Cache;
using NixFuseStore.Cli.Errors;
using NixFuseStore.Native.Files;
using NixFuseStore.Native.Linux;
using NixFuseStore.Settings;

namespace NixFuseStore.Cli.Settings;

/// <summary>
/// Where a store's cache lies. Each (servers, store) has a directory of its own:
/// <code>
/// DIR/chunks/    chunks, by digest        DIR/slots      what node ids stand for
/// DIR/metadata/  records and manifests    DIR/mount.log  what the mount in the background has to say
/// DIR/size       the limit of chunks/, in bytes    DIR/journal/   paths that were added and are not registered yet
/// DIR/builds/    what is being built
/// </code>
/// </summary>
internal sealed class CacheLocation
{
    private const string SystemDirectory = "/var/cache/nixfuse";

    private CacheLocation(string directory) => Directory = directory;

    public string Directory { get; }

    public string Chunks => Path.Join(Directory, "chunks");

    public string Metadata => Path.Join(Directory, "metadata");

    public string Journal => Path.Join(Directory, "journal");

    public string Builds => Path.Join(Directory, "builds");

    private string SizeFile => Path.Join(Directory, "size");

    public string Log => Path.Join(Directory, "mount.log");

    /// <summary>16 bytes that stand for the store, made from where it is asked for.</summary>
    public static Guid StoreKey(IReadOnlyList<Uri> servers, string store)
        => new(SHA256.HashData(Encoding.UTF8.GetBytes(Identity(servers, store))).AsSpan(0, 16));

    /// <summary>
    /// The directory given, which is this store's alone; or one below the settings files' cache-dir; or the default one: below /var/cache for
    /// root, below the user's cache directory for others.
    /// </summary>
    /// <exception cref="CliException">There is no place for it.</exception>
    /// <exception cref="SettingsException">A settings file cannot be used.</exception>
    public static CacheLocation Find(string? directory, IReadOnlyList<Uri> servers, string store)
    {
        if (directory is not null)
        {
            return new CacheLocation(Path.GetFullPath(directory));
        }

        var digest = SHA256.HashData(Encoding.UTF8.GetBytes(Identity(servers, store)));
        return new CacheLocation(Path.Join(BaseDirectory(), $"{SafeName(store)}-{Convert.ToHexStringLower(digest.AsSpan(0, 4))}"));
    }

    /// <remarks>On a disk that is full or gives errors, it is made later by what needs it, and the mount goes on without a cache.</remarks>
    /// <exception cref="CliException">It cannot be made, nor will it be.</exception>
    public void Create()
    {
        try
        {
            System.IO.Directory.CreateDirectory(Directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
        catch (IOException e) when (DiskErrors.MayPass(e))
        {
            // The cache says what is the matter, and tries on.
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException($"cannot make the cache directory {Directory}: {e.Message.TrimEnd('.')}; choose another with --cache-dir", e);
        }
    }

    /// <summary>How to open the chunks without a mount: with the limit that the last mount had. With another one they might be evicted.</summary>
    public ChunkCacheOptions ExistingChunks()
    {
        var remembered = File.Exists(SizeFile) && long.TryParse(File.ReadAllText(SizeFile), NumberStyles.None, CultureInfo.InvariantCulture, out var bytes)
            ? bytes
            : MountSettings.CacheBytesDefault;
        return new ChunkCacheOptions { Directory = Chunks, SizeBytesMax = Math.Max(remembered, ChunkCacheOptions.SizeBytesMin) };
    }

    /// <summary>Notes the limit for <see cref="ExistingChunks"/>. On a full disk the note is left out: the mount has to work all the same.</summary>
    /// <param name="bytesMax">The limit, bytes.</param>
    /// <param name="notice">Told in one line when nothing could be written.</param>
    public void RememberSize(long bytesMax, Action<string> notice)
    {
        try
        {
            File.WriteAllText(SizeFile, bytesMax.ToString(CultureInfo.InvariantCulture));
        }
        catch (IOException e)
        {
            notice($"cannot note the cache's limit: {e.Message}");
        }
    }

    private static string BaseDirectory()
    {
        if (SettingsFiles.Load().Client.CacheDirectory is { } configured)
        {
            return Path.IsPathRooted(configured.Value) ? configured.Value : throw configured.Wrong($"'{configured.Value}' is not an absolute path");
        }

        if (Libc.EffectiveUserId == 0)
        {
            return SystemDirectory;
        }

        if (Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } cache)
        {
            return Path.Join(cache, "nixfuse");
        }

        return Environment.GetEnvironmentVariable("HOME") is { Length: > 0 } home
            ? Path.Join(home, ".cache", "nixfuse")
            : throw new CliException("there is no place for the cache: neither XDG_CACHE_HOME nor HOME is set; give one with --cache-dir");
    }

    private static string Identity(IReadOnlyList<Uri> servers, string store)
        => string.Join('\n', [store, .. servers.Select(static server => server.GetLeftPart(UriPartial.Authority))]);

    private static string SafeName(string store)
        => string.Concat(store.Select(static c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' ? c : '_')).TrimStart('.') is { Length: > 0 } name ? name : "store";
}
