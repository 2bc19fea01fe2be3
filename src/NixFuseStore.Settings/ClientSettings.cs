namespace NixFuseStore.Settings;

/// <summary>What the settings files say for <c>nixfuse</c>; null is what they do not say. Command line and environment come first.</summary>
public sealed class ClientSettings
{
    private static readonly SettingKey ServerKey = new("", "server", SettingKind.TextList);
    private static readonly SettingKey StoreKey = new("", "store", SettingKind.Text);
    private static readonly SettingKey TokenFileKey = new("", "token-file", SettingKind.Text);
    private static readonly SettingKey TrustedPublicKeysKey = new("", "trusted-public-keys", SettingKind.TextList);
    private static readonly SettingKey TlsAuthorityKey = new("", "tls-ca", SettingKind.Text);
    private static readonly SettingKey CacheDirectoryKey = new("", "cache-dir", SettingKind.Text);
    private static readonly SettingKey CacheSizeKey = new("", "cache-size", SettingKind.Text);
    private static readonly SettingKey TrustedKey = new("", "trusted", SettingKind.TextList);
    private static readonly SettingKey ProxyKey = new("", "proxy", SettingKind.Text, SettingKey.HoldsPassword);
    private static readonly SettingKey MetricsKey = new("", "metrics", SettingKind.Text);

    internal ClientSettings(SettingsFiles files)
    {
        Servers = files.List(ServerKey);
        Store = files.Text(StoreKey);
        TokenFile = files.Text(TokenFileKey);
        TrustedPublicKeys = files.List(TrustedPublicKeysKey);
        TlsAuthorityFile = files.Text(TlsAuthorityKey);
        CacheDirectory = files.Text(CacheDirectoryKey);
        CacheSize = files.Text(CacheSizeKey);
        Trusted = files.List(TrustedKey);
        Proxy = files.Text(ProxyKey);
        Metrics = files.Text(MetricsKey);
    }

    internal static IReadOnlyList<SettingKey> Keys =>
        [ServerKey, StoreKey, TokenFileKey, TrustedPublicKeysKey, TlsAuthorityKey, CacheDirectoryKey, CacheSizeKey, TrustedKey, ProxyKey, MetricsKey];

    /// <summary>Addresses of servers of one database, in the order of preference.</summary>
    public Setting<IReadOnlyList<string>>? Servers { get; }

    /// <summary>The store's name on them.</summary>
    public Setting<string>? Store { get; }

    /// <summary>A file that holds the access token.</summary>
    public Setting<string>? TokenFile { get; }

    /// <summary>Keys as name:base64.</summary>
    public Setting<IReadOnlyList<string>>? TrustedPublicKeys { get; }

    /// <summary>PEM file of the authority that signed the server's certificate.</summary>
    public Setting<string>? TlsAuthorityFile { get; }

    /// <summary>Where mounts keep what they fetched.</summary>
    public Setting<string>? CacheDirectory { get; }

    /// <summary>How much of it, as <c>20GiB</c>.</summary>
    public Setting<string>? CacheSize { get; }

    /// <summary>
    /// Who, besides root and the mounting user, is a trusted Nix user of a mount's daemon socket: names of users, <c>@group</c>, and the words
    /// <c>containers</c> (user ids count in other user and pid namespaces, too), <c>*</c> (every client) and <c>none</c> (not even root).
    /// </summary>
    public Setting<IReadOnlyList<string>>? Trusted { get; }

    /// <summary>The proxy that leads to the server, as <c>http://HOST:PORT</c>.</summary>
    public Setting<string>? Proxy { get; }

    /// <summary>Where mounts serve metrics, see <see cref="MetricsAddress"/>.</summary>
    public Setting<string>? Metrics { get; }
}
