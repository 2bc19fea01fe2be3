using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace NixFuseStore.Client.Adding;

/// <summary>
/// Where the journal of one store lies, beside those of others: the names of its segments, and the lock that keeps two processes apart. Made when the
/// first segment is. Not thread-safe, but for the fixed properties.
/// </summary>
/// <param name="root">Holds the journals of all stores that were mounted with this cache, each in a directory of its own.</param>
/// <param name="identity">What the paths belong to, as text.</param>
/// <param name="files">The disk.</param>
internal sealed class JournalDirectory(string root, string identity, JournalFiles files) : IDisposable
{
    /// <summary>Suffix of segments whose paths wait.</summary>
    public const string WaitingSuffix = ".log";

    /// <summary>Suffix of segments whose paths the server refused.</summary>
    public const string SetAsideSuffix = ".aside";

    /// <summary>Suffix of segments that cannot be read whole, when all that can be read of them is registered.</summary>
    public const string DamagedSuffix = ".damaged";

    private const string LockName = "lock";

    /// <summary>All of a journal of version 1.</summary>
    private const string FirstVersionName = "paths";

    private SafeFileHandle? _lock;
    private long _lastNumber;

    public string Path { get; } =
        System.IO.Path.Join(root, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(identity)).AsSpan(0, 8)));

    /// <summary>Directories of other stores that hold segments.</summary>
    public string[] OtherStores() => Directory.Exists(root)
        ? [.. Directory.EnumerateDirectories(root).Where(other => other != Path && HasSegments(other)).Order(StringComparer.Ordinal)]
        : [];

    /// <summary>The file of a journal of version 1; null where there is none.</summary>
    public string? FirstVersionFile() => System.IO.Path.Join(root, FirstVersionName) is var file && File.Exists(file) ? file : null;

    /// <summary>Locks the directory and lists it; nothing where it is not there.</summary>
    /// <param name="damaged">Is given the files that were found damaged before, with their directory.</param>
    /// <returns>Names of segments, in their order.</returns>
    /// <exception cref="IOException">Another process has it, or it cannot be read.</exception>
    public IReadOnlyList<string> Open(ICollection<string> damaged)
    {
        var segments = new List<string>();
        if (!Directory.Exists(Path))
        {
            return segments;
        }

        _lock ??= files.Lock(System.IO.Path.Join(Path, LockName));
        foreach (var name in files.List(Path))
        {
            if (name.EndsWith(DamagedSuffix, StringComparison.Ordinal))
            {
                damaged.Add(System.IO.Path.Join(Path, name));
            }
            else if (TryParseName(name, out var number, out _, out _))
            {
                _lastNumber = Math.Max(_lastNumber, number);
                segments.Add(name);
            }
        }

        return segments;
    }

    /// <summary>Makes a new segment, durable, with its header.</summary>
    /// <exception cref="IOException">The disk does not take it; nothing is left of it.</exception>
    public JournalSegment Create(bool isSetAside)
    {
        var isNew = !Directory.Exists(Path);
        files.CreateDirectory(Path);
        _lock ??= files.Lock(System.IO.Path.Join(Path, LockName));
        var salt = RandomNumberGenerator.GetBytes(JournalFormat.SaltBytes);
        var suffix = isSetAside ? SetAsideSuffix : WaitingSuffix;
        var path = System.IO.Path.Join(Path, $"{++_lastNumber:d10}-{Convert.ToHexStringLower(salt)}{suffix}");
        var file = files.Create(path);
        var header = JournalFormat.EncodeHeader(identity, salt);
        try
        {
            files.Write(file, [header], 0);
            files.Flush(file);
            files.FlushDirectory(Path);
            if (isNew)
            {
                files.FlushDirectory(root);
                files.FlushDirectory(System.IO.Path.GetDirectoryName(root)!);
            }
        }
        catch
        {
            file.Dispose();
            TryDelete(path, null);
            throw;
        }

        return new JournalSegment(path, salt, isSetAside) { File = file, Length = header.Length };
    }

    /// <summary>Deletes a segment of which nothing is needed. Where that fails, the next process registers it once more, which changes nothing.</summary>
    public void TryDelete(string path, Action<string>? log)
    {
        try
        {
            files.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            log?.Invoke($"{path} cannot be deleted: {e.Message}");
        }
    }

    /// <summary>Unlocks it.</summary>
    public void Dispose() => _lock?.Dispose();

    /// <summary>What the name of a segment says; false for other files.</summary>
    public static bool TryParseName(string name, out long number, out byte[] salt, out bool isSetAside)
    {
        number = 0;
        salt = [];
        isSetAside = name.EndsWith(SetAsideSuffix, StringComparison.Ordinal);
        var suffix = isSetAside ? SetAsideSuffix : WaitingSuffix;
        var dash = name.IndexOf('-', StringComparison.Ordinal);
        if (dash < 0 || !name.EndsWith(suffix, StringComparison.Ordinal) || name.Length != dash + 1 + (2 * JournalFormat.SaltBytes) + suffix.Length
            || !long.TryParse(name.AsSpan(0, dash), NumberStyles.None, CultureInfo.InvariantCulture, out number))
        {
            return false;
        }

        try
        {
            salt = Convert.FromHexString(name.AsSpan(dash + 1, 2 * JournalFormat.SaltBytes));
            return true;
        }
        catch (FormatException)
        {
            return false;
        }
    }

    private bool HasSegments(string directory)
    {
        try
        {
            return files.List(directory).Any(static name => TryParseName(name, out _, out _, out _));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return true; // not known to be empty
        }
    }
}
