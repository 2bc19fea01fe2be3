using NixFuseStore.EndToEnd.Tests.Fixtures;

namespace NixFuseStore.EndToEnd.Tests;

/// <summary>Tokens and their rights, over TLS, from another host.</summary>
public sealed class AccessTests : EndToEndTest
{
    [Fact]
    public void Tokens_AllowWhatTheirRightsSay()
    {
        var store = RealStore.Default;
        var path = store.PathsBySize()[0];
        var hosts = Own(new HostNetwork());
        var tls = Certificates.Make(Folder);
        var server = Own(new ServerProcess(Folder + "/server", hosts: hosts, tls: tls));
        server.CreateStore("main");
        server.CreateStore("other");
        var client = NewClient(server, entering: hosts.Entering());
        var key = server.PublicKey();
        server.Start();

        // No token has been made: only loopback is served, and the answer says how to make one.
        Assert.Contains("token", client.Run("ls", "--tls-ca", tls.Certificate).FailedWithOneLine(), StringComparison.OrdinalIgnoreCase);

        var write = server.CreateToken("write");
        var read = server.CreateToken("read");
        var others = server.CreateToken("write", "other");

        client.Token = null;
        client.Run("ls", "--tls-ca", tls.Certificate).FailedWithOneLine();
        client.Token = "nonsense";
        client.Run("ls", "--tls-ca", tls.Certificate).FailedWithOneLine();
        client.Token = others;
        client.Run("ls", "--tls-ca", tls.Certificate).FailedWithOneLine();
        client.Run("push", "--tls-ca", tls.Certificate, "--from", store.Root, path).FailedWithOneLine();
        client.Token = read;
        client.Run("ls", "--tls-ca", tls.Certificate).Succeeded();
        client.Run("push", "--tls-ca", tls.Certificate, "--from", store.Root, path).FailedWithOneLine();
        client.Token = write;
        client.Run("push", "--tls-ca", tls.Certificate, "--from", store.Root, path).Succeeded();

        client.Token = read;
        client.MountArguments.AddRange(["--tls-ca", tls.Certificate, "--trusted-public-key", key]);
        client.Mount();
        Assert.True(Path.Exists(client.Real(path)));
        client.Unmount();

        var id = server.Run("token", "list").Succeeded().Split('\n').First(line => line.Contains("read", StringComparison.Ordinal)).Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries)[0];
        server.Run("token", "revoke", id).Succeeded();
        Eventually.Holds("the revoked token is refused", () => client.Run("ls", "--tls-ca", tls.Certificate).Status == 1);
    }

    [Fact]
    public void UntrustedServer_IsRefused()
    {
        var hosts = Own(new HostNetwork());
        var tls = Certificates.Make(Folder);
        var server = Own(new ServerProcess(Folder + "/server", hosts: hosts, tls: tls));
        server.CreateStore("main");
        var client = NewClient(server, entering: hosts.Entering());
        client.Token = server.CreateToken("read");
        server.Start();

        // A certificate that nobody vouches for.
        client.Run("ls").FailedWithOneLine();

        // Off loopback a mount wants to be told the key.
        client.MountArguments.AddRange(["--tls-ca", tls.Certificate]);
        Assert.Contains("trusted-public-key", client.TryMount().FailedWithOneLine(), StringComparison.Ordinal);

        // Another store's key.
        client.MountArguments.AddRange(["--trusted-public-key", "main-1:d1EwWLoRmUN5PLnoiQEsFyMQkXZzQkxOdO+7J1JZ4/w="]);
        client.TryMount().FailedWithOneLine();
        Assert.DoesNotContain(client.MountPoint, File.ReadAllText("/proc/self/mounts"), StringComparison.Ordinal);
    }
}
