using System.Globalization;

namespace NixFuseStore.Cli.Settings;

/// <summary>Sizes as people write them: <c>20GiB</c>, <c>512M</c>, <c>1000000</c>. Every unit is binary.</summary>
internal static class ByteSize
{
    private const string Units = "KMGT";
    private const int BitsPerUnit = 10;

    public static bool TryParse(string text, out long bytes)
    {
        bytes = 0;
        var digits = text.AsSpan().TrimEnd();
        digits = digits.EndsWith("iB", StringComparison.OrdinalIgnoreCase) ? digits[..^2]
            : digits.EndsWith("B", StringComparison.OrdinalIgnoreCase) ? digits[..^1]
            : digits;
        var shift = 0;
        if (digits.Length > 0 && Units.IndexOf(char.ToUpperInvariant(digits[^1]), StringComparison.Ordinal) is var unit and >= 0)
        {
            shift = (unit + 1) * BitsPerUnit;
            digits = digits[..^1];
        }

        if (!decimal.TryParse(digits, NumberStyles.AllowDecimalPoint | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out var number)
            || number > long.MaxValue >> shift)
        {
            return false;
        }

        bytes = (long)(number * (1L << shift));
        return true;
    }

    public static string Format(long bytes)
    {
        var unit = -1;
        var value = (double)bytes;
        while (value >= 1024 && unit + 1 < Units.Length)
        {
            value /= 1024;
            unit++;
        }

        return unit < 0
            ? string.Create(CultureInfo.InvariantCulture, $"{bytes} B")
            : string.Create(CultureInfo.InvariantCulture, $"{value:0.#} {Units[unit]}iB");
    }
}
