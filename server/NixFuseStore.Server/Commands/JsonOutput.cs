using System.CommandLine;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text;

namespace NixFuseStore.Server.Commands;

/// <summary>
/// The <c>--json</c> option. What it prints is one object and stable: names are only added. Times are texts of RFC 3339 in UTC, sizes are
/// bytes, what is not there is null. README of the server's commands: COMMANDS.md.
/// </summary>
internal static class JsonOutput
{
    public static Option<bool> CreateOption() => new("--json") { Description = "Print JSON for programs" };

    public static async Task WriteAsync(TextWriter output, Action<Utf8JsonWriter> writeProperties)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            writeProperties(json);
            json.WriteEndObject();
        }

        await output.WriteLineAsync(Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length)).ConfigureAwait(false);
    }

    public static void WriteArray<T>(this Utf8JsonWriter json, string name, IEnumerable<T> items, Action<T> write)
    {
        json.WriteStartArray(name);
        foreach (var item in items)
        {
            write(item);
        }

        json.WriteEndArray();
    }

    public static void WriteTime(this Utf8JsonWriter json, string name, long? seconds)
    {
        if (seconds is { } known)
        {
            json.WriteString(name, DateTimeOffset.FromUnixTimeSeconds(known).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture));
        }
        else
        {
            json.WriteNull(name);
        }
    }
}
