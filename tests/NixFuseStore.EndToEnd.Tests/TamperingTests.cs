using System.Security.Cryptography;
using NixFuseStore.EndToEnd.Tests.Fixtures;
using NixFuseStore.Testing.Faults;

namespace NixFuseStore.EndToEnd.Tests;

/// <summary>Whatever is altered between server and client, no wrong byte reaches a reader.</summary>
public sealed class TamperingTests : EndToEndTest
{
    [Fact]
    public async Task AlteredBytesOnTheWay_AreRefused_AndNeverRead()
    {
        var store = RealStore.Default;
        var path = store.Package("bash");
        var server = StartServer();
        NewClient(server, "pusher").Push(store, path);
        await using var proxy = new TamperingProxy(new Uri(server.Url));
        var client = NewClient(server);
        client.MountArguments.AddRange(["--server", proxy.Address.ToString(), "--trusted-public-key", server.PublicKey()]);
        client.Mount();
        var file = path + "/bin/bash";
        var right = SHA256.HashData(File.ReadAllBytes(store.Root + file));
        Assert.True(Path.Exists(client.Real(path)));

        // From here on a bit in every kilobyte is another one, chunks and frames alike.
        proxy.Alter = bytes =>
        {
            for (var i = 700; i < bytes.Length; i += 1024)
            {
                bytes.Span[i] ^= 4;
            }
        };
        Assert.ThrowsAny<IOException>(() => File.ReadAllBytes(client.Real(file)));

        proxy.Alter = null;
        Eventually.Holds("right bytes again", () => TryRead(client.Real(file)) is { } bytes && SHA256.HashData(bytes).SequenceEqual(right));
    }

    [Fact]
    public async Task AlteredRecord_IsNoPath()
    {
        var store = RealStore.Default;
        var path = store.Package("bash");
        var server = StartServer();
        NewClient(server, "pusher").Push(store, path);
        await using var proxy = new TamperingProxy(new Uri(server.Url));
        var client = NewClient(server);
        client.MountArguments.AddRange(["--server", proxy.Address.ToString(), "--trusted-public-key", server.PublicKey()]);
        client.Mount();

        // The record's name appears in clear; another letter in it makes the statement that was signed another one.
        var name = System.Text.Encoding.ASCII.GetBytes(Path.GetFileName(path));
        proxy.Alter = bytes =>
        {
            var at = bytes.Span.IndexOf(name);
            if (at >= 0)
            {
                bytes.Span[at + name.Length - 1] ^= 1;
            }
        };
        Assert.False(Directory.Exists(client.Real(path)));

        proxy.Alter = null;
        Eventually.Holds("the path is there", () => Directory.Exists(client.Real(path)));
    }

    private static byte[]? TryRead(string file)
    {
        try
        {
            return File.ReadAllBytes(file);
        }
        catch (IOException)
        {
            return null;
        }
    }
}
