using System.Text;

namespace NixFuseStore.Fuse.Mounting;

/// <summary>Reads <c>/proc/self/mountinfo</c>, which asks no file system anything and so cannot hang on a dead one.</summary>
internal static class MountTable
{
    private const string TablePath = "/proc/self/mountinfo";

    /// <summary>Opens the table, for one who looks at it again and again, and must be able to when there is no descriptor left.</summary>
    public static FileStream Open() => new(TablePath, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);

    /// <summary>What is mounted at a path, the topmost if there are several; null when nothing is.</summary>
    /// <param name="path">Absolute, without symbolic links.</param>
    public static MountTableEntry? Find(string path)
    {
        using var table = Open();
        return Find(table, path);
    }

    /// <summary>The same in an opened table. One caller at a time.</summary>
    public static MountTableEntry? Find(FileStream table, string path) => Read(table).LastOrDefault(entry => entry.MountPoint == path); // later lines lie on top

    /// <summary>Whether a file system is mounted anywhere. One caller at a time.</summary>
    /// <param name="table">The opened table.</param>
    /// <param name="device">Its number, as the table writes it.</param>
    public static bool Contains(FileStream table, string device) => Read(table).Any(entry => entry.Device == device);

    /// <summary>Takes apart one line: <c>id parent major:minor root mountpoint options [tags…] - type source superoptions</c>.</summary>
    public static bool TryParse(string line, out MountTableEntry entry)
    {
        entry = default!;
        var fields = line.Split(' ');
        var separator = Array.IndexOf(fields, "-");
        if (separator < 6 || fields.Length < separator + 3)
        {
            return false;
        }

        entry = new MountTableEntry(fields[2], Unescape(fields[4]), Unescape(fields[separator + 1]), Unescape(fields[separator + 2]), fields[5].Split(','));
        return true;
    }

    private static IEnumerable<MountTableEntry> Read(FileStream table)
    {
        // The kernel writes the table anew for a reader that begins again.
        table.Position = 0;
        using var lines = new StreamReader(table, Encoding.UTF8, detectEncodingFromByteOrderMarks: false, bufferSize: -1, leaveOpen: true);
        while (lines.ReadLine() is { } line)
        {
            if (TryParse(line, out var entry))
            {
                yield return entry;
            }
        }
    }

    /// <summary>Space, tab, newline and backslash are written as a backslash and three octal digits.</summary>
    private static string Unescape(string field)
    {
        if (!field.Contains('\\', StringComparison.Ordinal))
        {
            return field;
        }

        var text = new StringBuilder(field.Length);
        for (var i = 0; i < field.Length; i++)
        {
            if (field[i] == '\\' && i + 3 < field.Length && field.AsSpan(i + 1, 3).IndexOfAnyExceptInRange('0', '7') < 0)
            {
                text.Append((char)(((field[i + 1] - '0') << 6) | ((field[i + 2] - '0') << 3) | (field[i + 3] - '0')));
                i += 3;
            }
            else
            {
                text.Append(field[i]);
            }
        }

        return text.ToString();
    }
}
