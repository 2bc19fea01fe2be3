using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace NixFuseStore.Server.Upstreams;

/// <summary>Users and passwords by host, in the form that ftp, curl and Nix read.</summary>
internal sealed class Netrc
{
    private readonly List<(string? Machine, string Login, string Password)> _entries = [];

    /// <summary>Nothing.</summary>
    public static Netrc Empty { get; } = new();

    /// <summary>Reads <c>machine HOST login USER password PASSWORD</c> and <c>default …</c>, in any lines; words may be quoted; macros are skipped.</summary>
    public static Netrc Parse(string text)
    {
        var netrc = new Netrc();
        string? machine = null;
        var (login, password, isOpen) = ("", "", false);
        var words = Words(text).GetEnumerator();
        while (words.MoveNext())
        {
            switch (words.Current)
            {
                case "machine" or "default":
                    Close();
                    var isDefault = words.Current == "default";
                    machine = isDefault || !words.MoveNext() ? null : words.Current;
                    (login, password, isOpen) = ("", "", isDefault || machine is not null);
                    break;
                case "login" when words.MoveNext():
                    login = words.Current;
                    break;
                case "password" when words.MoveNext():
                    password = words.Current;
                    break;
                case "account":
                    words.MoveNext();
                    break;
                default:
                    break;
            }
        }

        Close();
        return netrc;

        void Close()
        {
            if (isOpen && password.Length > 0)
            {
                netrc._entries.Add((machine, login, password));
            }

            isOpen = false;
        }
    }

    /// <summary>Who to be at a host. The first entry of that host counts, else the default.</summary>
    public bool TryFind(string host, [NotNullWhen(true)] out string? login, [NotNullWhen(true)] out string? password)
    {
        foreach (var entry in _entries)
        {
            if (entry.Machine is null || string.Equals(entry.Machine, host, StringComparison.OrdinalIgnoreCase))
            {
                (login, password) = (entry.Login, entry.Password);
                return true;
            }
        }

        (login, password) = (null, null);
        return false;
    }

    private static IEnumerable<string> Words(string text)
    {
        foreach (var line in Lines(text))
        {
            for (var at = 0; at < line.Length;)
            {
                if (char.IsWhiteSpace(line[at]))
                {
                    at++;
                    continue;
                }

                if (line[at] == '#')
                {
                    break;
                }

                var word = new StringBuilder();
                if (line[at] == '"')
                {
                    for (at++; at < line.Length && line[at] != '"'; at++)
                    {
                        at += line[at] == '\\' && at + 1 < line.Length ? 1 : 0;
                        word.Append(line[at]);
                    }

                    at++;
                }
                else
                {
                    for (; at < line.Length && !char.IsWhiteSpace(line[at]); at++)
                    {
                        word.Append(line[at]);
                    }
                }

                yield return word.ToString();
            }
        }
    }

    /// <summary>The lines outside of macros, which end with an empty line.</summary>
    private static IEnumerable<string> Lines(string text)
    {
        var inMacro = false;
        foreach (var line in text.ReplaceLineEndings("\n").Split('\n'))
        {
            inMacro = inMacro ? line.Length > 0 : line.TrimStart().StartsWith("macdef", StringComparison.Ordinal);
            if (!inMacro)
            {
                yield return line;
            }
        }
    }
}
