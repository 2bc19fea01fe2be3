using System.Buffers;
using NixFuseStore.Cli.Errors;

namespace NixFuseStore.Cli.Settings;

/// <summary>
/// The form of access tokens: <c>nixfuse_</c> and 43 characters of URL-safe base64. Checked before anything is sent, so that a wrong file's
/// content never leaves the host.
/// </summary>
internal static class AccessToken
{
    private const string Prefix = "nixfuse_";
    private const int SecretCharacters = 43;

    private static readonly SearchValues<char> Secrets = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

    /// <summary>Reads a token; line ends and spaces around it do not count.</summary>
    /// <param name="text">What a file or variable holds.</param>
    /// <param name="source">Where it comes from, for the message, which shows nothing of the text.</param>
    /// <exception cref="CliException">It is no token.</exception>
    public static string Parse(string text, string source)
    {
        var token = text.Trim();
        if (token.Length == 0)
        {
            throw new CliException($"{source} is empty");
        }

        var secret = token.AsSpan();
        if (!secret.StartsWith(Prefix, StringComparison.Ordinal))
        {
            throw new CliException($"{source} holds no access token: one begins with {Prefix}, as nixfuse-server token create prints it");
        }

        secret = secret[Prefix.Length..];
        return secret.Length == SecretCharacters && !secret.ContainsAnyExcept(Secrets)
            ? token
            : throw new CliException($"{source} holds no access token: {Prefix} is followed by {SecretCharacters} letters, digits, - and _; here it is followed by {Describe(secret)}");
    }

    private static string Describe(ReadOnlySpan<char> secret) => secret.IndexOfAny('\r', '\n') >= 0
        ? "more than one line"
        : secret.Length != SecretCharacters ? $"{secret.Length}" : "other characters";
}
