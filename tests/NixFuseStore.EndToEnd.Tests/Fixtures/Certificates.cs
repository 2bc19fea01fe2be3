namespace NixFuseStore.EndToEnd.Tests.Fixtures;

/// <summary>A self-signed certificate for the test's server address.</summary>
internal static class Certificates
{
    /// <summary>A name of the server that leads nowhere by itself.</summary>
    public const string ProxiedName = "server.nixfuse.invalid";

    public static (string Certificate, string Key) Make(string folder)
    {
        Programs.Require("openssl");
        var certificate = Path.Combine(folder, "server.crt");
        var key = Path.Combine(folder, "server.key");
        Command.Run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
            "-subj", "/CN=nixfuse-test", "-addext", $"subjectAltName=IP:{HostNetwork.ServerAddress},IP:127.0.0.1,DNS:{ProxiedName}", "-keyout", key, "-out", certificate).Succeeded();
        return (certificate, key);
    }
}
