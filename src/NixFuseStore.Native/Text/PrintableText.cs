using System.Globalization;
using System.Text;

namespace NixFuseStore.Native.Text;

/// <summary>Text of others (peers on the network, files, other users) on its way to a log, a terminal or a message, where control characters would act.</summary>
public static class PrintableText
{
    /// <summary>The text with every character that a terminal obeys written as <c>\xNN</c> or <c>\uNNNN</c>; line ends too, so it stays one line.</summary>
    public static string Escape(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (!text.Any(IsActive))
        {
            return text;
        }

        var escaped = new StringBuilder(text.Length + 8);
        foreach (char c in text)
        {
            _ = !IsActive(c) ? escaped.Append(c)
                : c <= 0xFF ? escaped.Append(CultureInfo.InvariantCulture, $"\\x{(int)c:x2}")
                : escaped.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
        }

        return escaped.ToString();
    }

    /// <summary>The same for a text of several lines, such as a stack trace, whose line ends stay.</summary>
    public static string EscapeLines(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return string.Join(Environment.NewLine, text.ReplaceLineEndings("\n").Split('\n').Select(Escape));
    }

    /// <summary>Control characters, and those that turn the direction of writing or end a line.</summary>
    private static bool IsActive(char c) => char.IsControl(c)
        || (c > 0xFF && CharUnicodeInfo.GetUnicodeCategory(c) is UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator);
}
