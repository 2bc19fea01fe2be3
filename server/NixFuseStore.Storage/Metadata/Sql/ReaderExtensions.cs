using System.Data.Common;
using System.Globalization;

namespace NixFuseStore.Storage.Metadata.Sql;

internal static class ReaderExtensions
{
    public static byte[] GetBytes(this DbDataReader reader, int column) => reader.GetFieldValue<byte[]>(column);

    public static string? GetStringOrNull(this DbDataReader reader, int column) => reader.IsDBNull(column) ? null : reader.GetString(column);

    public static long? GetInt64OrNull(this DbDataReader reader, int column) => reader.IsDBNull(column) ? null : reader.GetInt64(column);

    /// <summary>The lines of an aggregate that <see cref="SqlDialect.JoinLines"/> made, sorted bytewise.</summary>
    public static string[] GetLines(this DbDataReader reader, int column)
    {
        if (reader.IsDBNull(column))
        {
            return [];
        }

        string[] lines = reader.GetString(column).Split('\n');
        Array.Sort(lines, StringComparer.Ordinal);
        return lines;
    }

    /// <summary>A scalar as the databases hand it out: int or long.</summary>
    public static long ToInt64(this object? scalar) => Convert.ToInt64(scalar, CultureInfo.InvariantCulture);
}
