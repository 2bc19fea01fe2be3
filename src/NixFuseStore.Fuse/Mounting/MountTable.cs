using System.Text;

namespace NixFuseStore.Fuse.Mounting;

/// <summary>Reads <c>/proc/self/mountinfo</c>, which asks no file system anything and so cannot hang on a dead one.</summary>
internal static class MountTable
{
    private const string TablePath = "/proc/self/mountinfo";

    /// <summary>What is mounted at a path, the topmost if there are several; null when nothing is.</summary>
    /// <param name="path">Absolute, without symbolic links.</param>
    public static MountTableEntry? Find(string path) => Read().LastOrDefault(entry => entry.MountPoint == path); // later lines lie on top

    /// <summary>Whether a file system is mounted anywhere.</summary>
    /// <param name="device">Its number, as the table writes it.</param>
    public static bool Contains(string device) => Read().Any(entry => entry.Device == device);

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

    private static IEnumerable<MountTableEntry> Read()
    {
        foreach (var line in File.ReadLines(TablePath))
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
