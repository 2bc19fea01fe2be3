using System.Globalization;
using Npgsql;

namespace NixFuseStore.Storage.Metadata.Sql;

/// <summary>
/// <c>postgres://user:password@host:port/database?sslmode=require</c>, percent-encoded as libpq takes it. A host that begins with a
/// slash (as <c>%2Frun%2Fpostgresql</c>, or in <c>?host=</c>) is the directory of a unix socket.
/// </summary>
internal static class PostgresUri
{
    /// <param name="uri">The URI.</param>
    /// <param name="password">The password where the URI has none; null for that of PGPASSWORD, PGPASSFILE or ~/.pgpass.</param>
    /// <param name="passFile">Takes the place of PGPASSFILE; may be null.</param>
    /// <exception cref="FormatException">The text is no such URI; the message never repeats a password.</exception>
    public static string ToConnectionString(string uri, string? password = null, string? passFile = null)
    {
        int scheme = uri.IndexOf("://", StringComparison.Ordinal);
        string rest = scheme < 0 ? throw Wrong("it has no '://'") : uri[(scheme + 3)..];

        // 1. user:password@host:port / database ? parameters
        string query = Cut(ref rest, rest.IndexOf('?', StringComparison.Ordinal));
        string database = Cut(ref rest, rest.IndexOf('/', StringComparison.Ordinal));
        int at = rest.LastIndexOf('@');
        string credentials = at < 0 ? "" : rest[..at];
        string host = at < 0 ? rest : rest[(at + 1)..];
        string ownPassword = Cut(ref credentials, credentials.IndexOf(':', StringComparison.Ordinal));
        int colon = host.LastIndexOf(':');
        string port = colon > host.LastIndexOf(']') ? Cut(ref host, colon) : "";

        // 2. Each decoded on its own.
        var builder = new NpgsqlConnectionStringBuilder
        {
            Host = host.Length == 0 ? "localhost" : Decode(host).Trim('[', ']'),
            Username = credentials.Length == 0 ? Environment.UserName : Decode(credentials),
            ApplicationName = "nixfuse-server",
        };
        builder.Password = ownPassword.Length > 0 ? Decode(ownPassword) : password;
        builder.Passfile = passFile;

        if (port.Length > 0)
        {
            builder.Port = ParsePort(port);
        }

        builder.Database = database.Length == 0 ? builder.Username : Decode(database);
        foreach (string pair in query.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            int equals = pair.IndexOf('=', StringComparison.Ordinal);
            Apply(builder, equals < 0 ? pair : pair[..equals], equals < 0 ? "" : Decode(pair[(equals + 1)..]));
        }

        return builder.ConnectionString;
    }

    private static void Apply(NpgsqlConnectionStringBuilder builder, string key, string value)
    {
        switch (key)
        {
            case "host":
                builder.Host = value;
                break;
            case "port":
                builder.Port = ParsePort(value);
                break;
            case "user":
                builder.Username = value;
                break;
            case "password":
                builder.Password = value;
                break;
            case "dbname":
                builder.Database = value;
                break;
            case "application_name":
                builder.ApplicationName = value;
                break;
            case "sslmode":
                builder.SslMode = value switch
                {
                    "disable" => SslMode.Disable,
                    "allow" => SslMode.Allow,
                    "prefer" => SslMode.Prefer,
                    "require" => SslMode.Require,
                    "verify-ca" => SslMode.VerifyCA,
                    "verify-full" => SslMode.VerifyFull,
                    _ => throw Wrong($"sslmode '{value}' is not known"),
                };
                break;
            case "sslrootcert":
                builder.RootCertificate = value;
                break;
            case "connect_timeout":
                builder.Timeout = int.TryParse(value, CultureInfo.InvariantCulture, out int seconds)
                    ? seconds
                    : throw Wrong("connect_timeout is no number");
                break;
            default:
                throw Wrong($"parameter '{key}' is not known");
        }
    }

    private static int ParsePort(string text) =>
        ushort.TryParse(text, CultureInfo.InvariantCulture, out ushort port) && port > 0 ? port : throw Wrong("its port is no port number");

    private static string Decode(string text) => Uri.UnescapeDataString(text);

    /// <summary>Takes off what stands behind a separator, and the separator.</summary>
    private static string Cut(ref string text, int separator)
    {
        if (separator < 0)
        {
            return "";
        }

        string tail = text[(separator + 1)..];
        text = text[..separator];
        return tail;
    }

    private static FormatException Wrong(string why) =>
        new($"The metadata URI is not of the form postgres://user:password@host:port/database: {why}.");
}
