using System.Globalization;

namespace NixFuseStore.Server.Commands;

/// <summary>Spans of time as operators write them: <c>30m</c>, <c>12h</c>, <c>90d</c>, <c>4w</c>, <c>1y</c>.</summary>
internal static class Duration
{
    private const int YearsMax = 100;

    /// <param name="option">The option, for the message.</param>
    /// <param name="text">What it was given.</param>
    /// <exception cref="FormatException">The text is no span of time, or an endless one.</exception>
    public static TimeSpan Parse(string option, string text)
    {
        var unit = text.Length == 0 ? TimeSpan.Zero : text[^1] switch
        {
            's' => TimeSpan.FromSeconds(1),
            'm' => TimeSpan.FromMinutes(1),
            'h' => TimeSpan.FromHours(1),
            'd' => TimeSpan.FromDays(1),
            'w' => TimeSpan.FromDays(7),
            'y' => TimeSpan.FromDays(365),
            _ => TimeSpan.Zero,
        };
        return unit > TimeSpan.Zero && int.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            && number > 0 && number <= TimeSpan.FromDays(365 * YearsMax) / unit
                ? number * unit
                : throw new FormatException($"{option} wants a time such as 30m, 12h, 90d, 4w or 1y, not '{text}'");
    }
}
