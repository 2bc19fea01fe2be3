using System.Globalization;
using NixFuseStore.EndToEnd.Tests.Fixtures;
using NixFuseStore.Testing.Faults;

namespace NixFuseStore.EndToEnd.Tests;

/// <summary>The variables that name a proxy, as a user sets them: they are read once in a process, so the client is one of its own.</summary>
public sealed class ProxyTests : EndToEndTest
{
    private static readonly string[] Variables = ["https_proxy", "HTTPS_PROXY", "http_proxy", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"];

    [Fact]
    public async Task ProxyVariables_LeadToTheServer_OrAroundTheProxy()
    {
        var tls = Certificates.Make(Folder);
        var server = Own(new ServerProcess(Path.Combine(Folder, "server"), tls: tls)).Start();
        var port = new Uri(server.Url).Port;
        var named = string.Create(CultureInfo.InvariantCulture, $"https://{Certificates.ProxiedName}:{port}");
        await using var proxy = new ConnectProxy(port);
        var through = proxy.Address.ToString();
        var token = server.CreateToken("read");

        // 1. Only the proxy knows the server's name.
        foreach (var variable in (string[])["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])
        {
            Expect(named, isReached: true, isProxied: true, (variable, through));
            Expect(named, isReached: true, isProxied: true, (variable, through), ("no_proxy", "example.org"));
        }

        // 2. Neither by the one for http, nor where the server is excepted.
        Expect(named, isReached: false, isProxied: false);
        Expect(named, isReached: false, isProxied: false, ("http_proxy", through));
        foreach (var variable in (string[])["no_proxy", "NO_PROXY"])
        {
            Expect(named, isReached: false, isProxied: false, ("https_proxy", through), (variable, Certificates.ProxiedName));
            Expect(named, isReached: false, isProxied: false, ("https_proxy", through), (variable, ".nixfuse.invalid"));
        }

        // 3. This host is reached without one.
        Expect(server.Url, isReached: true, isProxied: false, ("https_proxy", through), ("all_proxy", through));

        void Expect(string url, bool isReached, bool isProxied, params (string Name, string Value)[] set)
        {
            // The machine's own proxy is not to take part.
            var arguments = Variables.SelectMany(name => (string[])["--unset", name])
                .Concat(set.Select(variable => $"{variable.Name}={variable.Value}"))
                .Concat([$"NIXFUSE_TOKEN={token}", Programs.Nixfuse, "ls", "--server", url, "--tls-ca", tls.Certificate]);
            var before = proxy.Tunnels;
            var listed = Command.Run("env", [.. arguments]);
            var what = $"{url} with {string.Join(' ', set)}: {listed.Errors}";
            Assert.True(isReached == (listed.Status == 0), what);
            Assert.True(isProxied == (proxy.Tunnels > before), what);
        }
    }
}
