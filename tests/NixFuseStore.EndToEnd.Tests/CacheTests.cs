using System.Security.Cryptography;
using NixFuseStore.EndToEnd.Tests.Fixtures;

namespace NixFuseStore.EndToEnd.Tests;

/// <summary>The cache outlives its process, and a bad byte in it never reaches a reader.</summary>
public sealed class CacheTests : EndToEndTest
{
    [Fact]
    public void KilledClient_MountsAgain_WithItsCache()
    {
        var (server, client, files) = Prepare();
        ReadAll(client, files);
        // A checkpoint comes with a clean end; what came before it survives a crash.
        client.Unmount();
        client.Mount();
        ReadAll(client, files);
        client.KillDaemon();

        client.Mount();
        // The mount does not wait for its cache to open.
        Eventually.Holds("the cache has what it had", () => client.Status().GetProperty("cache").GetProperty("entries").GetInt64() > 0);
        server.Stop();
        ReadAll(client, files);
    }

    [Fact]
    public void FlippedByteInTheCache_IsFoundByVerify_AndReadersGetRightBytes()
    {
        var (_, client, files) = Prepare();
        ReadAll(client, files);
        client.Unmount();
        FlipBytes(client.CacheDirectory);

        var verify = client.Run("verify", "--cache-dir", client.CacheDirectory);
        Assert.Equal(1, verify.Status);
        Command.Run("sh", "-c", "echo 3 > /proc/sys/vm/drop_caches").Succeeded();
        client.Mount();
        ReadAll(client, files);

        Assert.Equal(0, client.Run("verify", "--cache-dir", client.CacheDirectory, "--repair").Status);
        client.Unmount();
        Assert.Equal(0, client.Run("verify", "--cache-dir", client.CacheDirectory).Status);
    }

    private (ServerProcess Server, ClientHost Client, Dictionary<string, string> Files) Prepare()
    {
        var store = RealStore.Default;
        var server = StartServer();
        var client = NewClient(server);
        var path = store.Package("python3");
        client.Push(store, path);
        client.Mount();
        var real = store.Root + path;
        var files = Directory.EnumerateFiles(real, "*", SearchOption.AllDirectories)
            .Where(file => new FileInfo(file).LinkTarget is null)
            .ToDictionary(file => path + file[real.Length..], Hash);
        return (server, client, files);
    }

    private static void ReadAll(ClientHost client, Dictionary<string, string> files)
    {
        foreach (var (path, hash) in files)
        {
            Assert.True(hash == Hash(client.Real(path)), $"{path}: other bytes than the source has");
        }
    }

    private static string Hash(string file)
    {
        using var stream = File.OpenRead(file);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    // One byte in every 64 KiB of the log's segments: each chunk that lies there is hit somewhere.
    private static void FlipBytes(string cacheDirectory)
    {
        var segments = Directory.GetFiles(cacheDirectory + "/chunks", "log.*");
        Assert.NotEmpty(segments);
        foreach (var segment in segments)
        {
            using var stream = new FileStream(segment, FileMode.Open, FileAccess.ReadWrite);
            for (var position = 40_000L; position < stream.Length; position += 65536)
            {
                stream.Position = position;
                var value = stream.ReadByte();
                stream.Position = position;
                stream.WriteByte((byte)(value ^ 0x10));
            }
        }
    }
}
