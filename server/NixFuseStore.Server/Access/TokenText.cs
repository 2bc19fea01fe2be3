using System.Security.Cryptography;
using System.Text;

namespace NixFuseStore.Server.Access;

/// <summary>The text form of tokens: <c>nixfuse_</c> and 43 characters of URL-safe base64, 256 random bits. The database sees only its SHA-256.</summary>
internal static class TokenText
{
    private static readonly System.Buffers.SearchValues<char> UrlSafe =
        System.Buffers.SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

    private const string Prefix = "nixfuse_";
    private const int RandomBytes = 32;

    private const int RandomLength = 43;

    /// <summary>Whether a text can be a token at all. What cannot is not looked for.</summary>
    public static bool HasForm(string text) =>
        text.Length == Prefix.Length + RandomLength
        && text.StartsWith(Prefix, StringComparison.Ordinal)
        && text.AsSpan(Prefix.Length).IndexOfAnyExcept(UrlSafe) < 0;

    public static string Generate() =>
        Prefix + Convert.ToBase64String(RandomNumberGenerator.GetBytes(RandomBytes)).TrimEnd('=').Replace('+', '-').Replace('/', '_');

    public static byte[] Hash(string token) => SHA256.HashData(Encoding.UTF8.GetBytes(token));
}
