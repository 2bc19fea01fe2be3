using Npgsql;
using NixFuseStore.Storage.Metadata.Sql;

namespace NixFuseStore.Storage.Tests.Metadata;

public sealed class PostgresUriTests
{
    [Theory]
    [InlineData("postgres://user@host/db", "host", 5432, "user", null, "db")]
    [InlineData("postgresql://user:p%40ss%3Aword@host:6543/db", "host", 6543, "user", "p@ss:word", "db")]
    [InlineData("postgres://user@host", "host", 5432, "user", null, "user")]
    [InlineData("postgres://u@%2Frun%2Fpostgresql/db", "/run/postgresql", 5432, "u", null, "db")]
    [InlineData("postgres://u@/db?host=/run/postgresql&port=5433", "/run/postgresql", 5433, "u", null, "db")]
    [InlineData("postgres://u@[::1]:6000/db", "::1", 6000, "u", null, "db")]
    public void ToConnectionString_TakesTheUriApart(string uri, string host, int port, string user, string? password, string database)
    {
        var builder = new NpgsqlConnectionStringBuilder(PostgresUri.ToConnectionString(uri));

        Assert.Equal((host, port, user, password, database), (builder.Host, builder.Port, builder.Username, builder.Password, builder.Database));
    }

    [Fact]
    public void ToConnectionString_SslMode_IsTaken() =>
        Assert.Equal(
            SslMode.VerifyFull,
            new NpgsqlConnectionStringBuilder(PostgresUri.ToConnectionString("postgres://u@h/d?sslmode=verify-full")).SslMode);

    [Theory]
    [InlineData("postgres:user")]
    [InlineData("postgres://u:secret@h:99999/d")]
    [InlineData("postgres://u:secret@h/d?sslmode=maybe")]
    [InlineData("postgres://u:secret@h/d?unknown=1")]
    public void ToConnectionString_Wrong_SaysWhyWithoutThePassword(string uri)
    {
        var error = Assert.Throws<FormatException>(() => PostgresUri.ToConnectionString(uri));

        Assert.DoesNotContain("secret", error.Message, StringComparison.Ordinal);
    }
}
