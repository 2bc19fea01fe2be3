namespace NixFuseStore.Settings;

/// <summary>What the settings files say for <c>nixfuse-server</c>; null is what they do not say. Command line and environment come first.</summary>
public sealed class ServerSettings
{
    /// <summary>The table of a settings file that holds them.</summary>
    public const string Table = "nixfuse-server";

    private static readonly SettingKey ListenKey = new(Table, "listen", SettingKind.TextList);
    private static readonly SettingKey DataKey = new(Table, "data", SettingKind.Text);
    private static readonly SettingKey MetadataKey = new(Table, "metadata", SettingKind.Text, SettingKey.HoldsPassword);
    private static readonly SettingKey MetadataPasswordKey = new(Table, "metadata-password", SettingKind.Text, _ => true);
    private static readonly SettingKey MetadataPassFileKey = new(Table, "metadata-passfile", SettingKind.Text);
    private static readonly SettingKey BlobsKey = new(Table, "blobs", SettingKind.Text);
    private static readonly SettingKey TlsCertificateKey = new(Table, "tls-certificate", SettingKind.Text);
    private static readonly SettingKey TlsKeyKey = new(Table, "tls-key", SettingKind.Text);
    private static readonly SettingKey NetrcFileKey = new(Table, "netrc-file", SettingKind.Text);
    private static readonly SettingKey LogLevelKey = new(Table, "log-level", SettingKind.Text);

    private static readonly SettingKey MetricsKey = new(Table, "metrics", SettingKind.Text);
    private static readonly SettingKey OtlpEndpointKey = new(Table, "otlp-endpoint", SettingKind.Text, SettingKey.HoldsPassword);

    internal ServerSettings(SettingsFiles files)
    {
        Listen = files.List(ListenKey);
        Data = files.Text(DataKey);
        Metadata = files.Text(MetadataKey);
        MetadataPassword = files.Text(MetadataPasswordKey);
        MetadataPassFile = files.Text(MetadataPassFileKey);
        Blobs = files.Text(BlobsKey);
        TlsCertificateFile = files.Text(TlsCertificateKey);
        TlsKeyFile = files.Text(TlsKeyKey);
        NetrcFile = files.Text(NetrcFileKey);
        LogLevel = files.Text(LogLevelKey);
        Metrics = files.Text(MetricsKey);
        OtlpEndpoint = files.Text(OtlpEndpointKey);
    }

    internal static IReadOnlyList<SettingKey> Keys =>
        [ListenKey, DataKey, MetadataKey, MetadataPasswordKey, MetadataPassFileKey, BlobsKey, TlsCertificateKey, TlsKeyKey, NetrcFileKey, LogLevelKey, MetricsKey, OtlpEndpointKey];

    /// <summary>Whether a URI of a database carries a password.</summary>
    public static bool HoldsPassword(string uri)
    {
        ArgumentNullException.ThrowIfNull(uri);
        return SettingKey.HoldsPassword(uri);
    }

    /// <summary>Addresses to listen on.</summary>
    public Setting<IReadOnlyList<string>>? Listen { get; }

    /// <summary>The data directory.</summary>
    public Setting<string>? Data { get; }

    /// <summary>The database, <c>postgres://…</c> or <c>sqlite:FILE</c>; may hold a password.</summary>
    public Setting<string>? Metadata { get; }

    /// <summary>The password for it.</summary>
    public Setting<string>? MetadataPassword { get; }

    /// <summary>A file of PostgreSQL's own form that holds the password.</summary>
    public Setting<string>? MetadataPassFile { get; }

    /// <summary>Where packs lie.</summary>
    public Setting<string>? Blobs { get; }

    /// <summary>PEM file of the certificate and its chain.</summary>
    public Setting<string>? TlsCertificateFile { get; }

    /// <summary>PEM file of the certificate's private key.</summary>
    public Setting<string>? TlsKeyFile { get; }

    /// <summary>Users and passwords for upstream caches, in netrc form.</summary>
    public Setting<string>? NetrcFile { get; }

    /// <summary>The least severe messages that are logged: error, warning, info or debug.</summary>
    public Setting<string>? LogLevel { get; }

    /// <summary>Where metrics are served without a token, see <see cref="MetricsAddress"/>.</summary>
    public Setting<string>? Metrics { get; }

    /// <summary>The collector that metrics are sent to, by OTLP over HTTP.</summary>
    public Setting<string>? OtlpEndpoint { get; }
}
