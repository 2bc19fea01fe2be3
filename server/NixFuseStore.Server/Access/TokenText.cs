using System.Security.Cryptography;
using System.Text;

namespace NixFuseStore.Server.Access;

/// <summary>The text form of tokens: <c>nixfuse_</c> and 43 characters of URL-safe base64, 256 random bits. The database sees only its SHA-256.</summary>
internal static class TokenText
{
    private const string Prefix = "nixfuse_";
    private const int RandomBytes = 32;

    /// <summary>Longer ones are not even hashed.</summary>
    public const int LengthMax = 256;

    public static string Generate() =>
        Prefix + Convert.ToBase64String(RandomNumberGenerator.GetBytes(RandomBytes)).TrimEnd('=').Replace('+', '-').Replace('/', '_');

    public static byte[] Hash(string token) => SHA256.HashData(Encoding.UTF8.GetBytes(token));
}
