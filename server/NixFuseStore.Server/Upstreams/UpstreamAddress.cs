using System.Net.Http.Headers;
using System.Text;

namespace NixFuseStore.Server.Upstreams;

/// <summary>Where an upstream cache is, and what it is told so that it answers. Text for people never holds the password.</summary>
internal sealed class UpstreamAddress
{
    private UpstreamAddress(Uri root, string text, string? user, string? password)
    {
        Root = root;
        Text = text;
        User = user;
        Password = password;
    }

    /// <summary>The address with a slash at its end, without user and password.</summary>
    public Uri Root { get; }

    /// <summary>The address for logs, messages and lists.</summary>
    public string Text { get; }

    /// <summary>The address as the database keeps it, with user and password.</summary>
    public string StoredText => User is null
        ? Text
        : Root.Scheme + "://" + Uri.EscapeDataString(User) + (Password is null ? "" : ":" + Uri.EscapeDataString(Password)) + "@" + Text[(Root.Scheme.Length + 3)..];

    /// <summary>The user of the URL.</summary>
    public string? User { get; }

    /// <summary>The password of the URL.</summary>
    public string? Password { get; }

    /// <summary>Reads <c>http[s]://[USER:PASSWORD@]HOST[:PORT]/…</c>.</summary>
    /// <exception cref="FormatException">It is none; the message does not repeat a password.</exception>
    public static UpstreamAddress Parse(string text)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https") || url.Query.Length > 0 || url.Fragment.Length > 0)
        {
            throw new FormatException(
                $"'{Hide(text)}' is no URL of a binary cache: http://HOST/… or https://HOST/…, without parameters");
        }

        var plain = new UriBuilder(url) { UserName = "", Password = "" }.Uri;
        var root = new Uri(plain.AbsoluteUri.TrimEnd('/') + "/");
        var colon = url.UserInfo.IndexOf(':', StringComparison.Ordinal);
        var user = url.UserInfo.Length == 0 ? null : Uri.UnescapeDataString(colon < 0 ? url.UserInfo : url.UserInfo[..colon]);
        return new UpstreamAddress(root, root.AbsoluteUri.TrimEnd('/'), user, colon < 0 ? null : Uri.UnescapeDataString(url.UserInfo[(colon + 1)..]));
    }

    /// <summary>How a list shows a stored address.</summary>
    public static string Describe(string stored) => Hide(stored) is var shown && shown == stored ? stored : shown + " (with user and password)";

    /// <summary>A URL without what stands before its host.</summary>
    public static string Hide(string url)
    {
        var start = url.IndexOf("://", StringComparison.Ordinal) is var scheme and >= 0 ? scheme + 3 : 0;
        var end = url.IndexOf('/', start) is var slash and >= 0 ? slash : url.Length;
        var at = url.LastIndexOf('@', end - 1, end - start);
        return at < 0 ? url : url[..start] + url[(at + 1)..];
    }

    /// <summary>The header that names a user.</summary>
    public static AuthenticationHeaderValue Basic(string user, string password) =>
        new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(user + ":" + password)));
}
