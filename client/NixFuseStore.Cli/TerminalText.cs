using System.Globalization;
using System.Text;

namespace NixFuseStore.Cli;

/// <summary>Text of others (servers, files, other processes) on its way to a terminal or a log, where control characters would act.</summary>
internal static class TerminalText
{
    /// <summary>The text with every character that a terminal obeys written as <c>\xNN</c> or <c>\uNNNN</c>; line ends too.</summary>
    public static string Escape(string text)
    {
        if (!text.Any(IsActive))
        {
            return text;
        }

        var escaped = new StringBuilder(text.Length + 8);
        foreach (var c in text)
        {
            _ = !IsActive(c) ? escaped.Append(c)
                : c <= 0xFF ? escaped.Append(CultureInfo.InvariantCulture, $"\\x{(int)c:x2}")
                : escaped.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
        }

        return escaped.ToString();
    }

    // Control characters, and format characters such as those that turn the direction of writing.
    private static bool IsActive(char c) => char.IsControl(c) || (c > 0xFF && CharUnicodeInfo.GetUnicodeCategory(c) is UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator);
}
