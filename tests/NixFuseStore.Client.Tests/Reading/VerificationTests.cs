using System.Text;
using NixFuseStore.Client.Paths;
using NixFuseStore.Client.Server;
using NixFuseStore.Client.Tests.Fixtures;
using NixFuseStore.Content;
using NixFuseStore.Nix;

namespace NixFuseStore.Client.Tests.Reading;

/// <summary>What was changed on the way, or comes from somebody else, is refused with a clear error and never handed out.</summary>
public sealed class VerificationTests() : ReaderTest(2)
{
    [Fact]
    public async Task Read_ChunkChangedOnce_IsFetchedAgain()
    {
        var content = Source.Bytes(100_000);
        var path = Source.Path("noise", SourceEntry.File(content));
        await Server.PushAsync(path);
        using var connection = Server.Connect(Proxy.Address);
        await using var reader = await connection.OpenAsync();
        var handle = await reader.FindAsync(path);
        await reader.GetTreeAsync(handle, ReaderExtensions.Token);

        Proxy.Tamper(content[5_000..5_020], times: 1);

        Assert.Equal(content, await reader.ReadAsync(handle, 0));
        Assert.Equal(1, Proxy.Changed);
        Assert.Equal(1, reader.Status.BadChunks);
    }

    [Fact]
    public async Task Read_ChunkChangedAlways_FailsClearly()
    {
        var content = Source.Bytes(100_000);
        var path = Source.Path("noise", SourceEntry.File(content));
        await Server.PushAsync(path);
        using var connection = Server.Connect(Proxy.Address);
        var cache = new MemoryChunkCache();
        await using var reader = await connection.OpenAsync(cache: cache);
        var handle = await reader.FindAsync(path);
        Proxy.Tamper(content[5_000..5_020]);

        var error = await Assert.ThrowsAsync<StoreVerificationException>(() => reader.ReadAsync(handle, 0));

        Assert.Contains("does not verify", error.Message, StringComparison.Ordinal);
        Assert.True(reader.Status.BadChunks >= 2);
        Assert.All(cache.Chunks, c => Assert.Equal(c.Key, ChunkId.Compute(c.Value)));

        // What was sound is there, and once the way is clear again so is the rest.
        Proxy.Tamper(null);
        Assert.Equal(content, await reader.ReadAsync(handle, 0));
    }

    [Fact]
    public async Task Find_RecordChanged_FailsClearly()
    {
        var path = Source.Path("record", SourceEntry.File("x"));
        await Server.PushAsync(path);
        using var connection = Server.Connect(Proxy.Address);
        await using var reader = await connection.OpenAsync();

        Proxy.Tamper(path.Info.NarHash.Digest.ToArray());
        var error = await Assert.ThrowsAsync<StoreVerificationException>(() => reader.FindAsync(path));
        Assert.Contains("no trusted key signed", error.Message, StringComparison.Ordinal);

        Proxy.Tamper(null);
        await reader.FindAsync(path);
    }

    [Fact]
    public async Task Read_SectionChanged_FailsClearly()
    {
        // Digests do not compress, so they stand in the section's frame as they are.
        var content = Source.Bytes(600_000);
        var path = Source.Path("section", SourceEntry.File(content));
        await Server.PushAsync(path);
        using var connection = Server.Connect(Proxy.Address);
        await using var reader = await connection.OpenAsync();

        Proxy.Tamper(path.Chunks.Keys.First().ToArray()[8..24]);
        var handle = await reader.FindAsync(path);
        var error = await Assert.ThrowsAsync<StoreVerificationException>(() => reader.ReadAsync(handle, 0));
        Assert.Contains("does not verify", error.Message, StringComparison.Ordinal);
        Assert.True(Proxy.Changed > 0);

        Proxy.Tamper(null);
        Assert.Equal(content, await reader.ReadAsync(handle, 0));
    }

    [Fact]
    public async Task Find_SignatureChanged_FailsClearly()
    {
        var path = Source.Path("signed", SourceEntry.File("x"));
        await Server.PushAsync(path);
        using var connection = Server.Connect(Proxy.Address);
        await using var reader = await connection.OpenAsync();

        // "main-1:" begins the signature; the character after it is its first digit.
        Proxy.Tamper(Encoding.ASCII.GetBytes(Server.PublicKey.Name + ":"));

        await Assert.ThrowsAsync<StoreVerificationException>(() => reader.FindAsync(path));
    }

    [Fact]
    public async Task Open_KeyNotTrusted_IsRefused()
    {
        using var connection = Server.Connect();
        var other = NixSecretKey.Generate("other-1").PublicKey;

        var error = await Assert.ThrowsAsync<StoreConfigurationException>(() => connection.OpenAsync(new StoreReaderOptions { TrustedPublicKeys = [other] }));

        Assert.Contains("not among the trusted public keys", error.Message, StringComparison.Ordinal);
        Assert.Contains(Server.PublicKey.ToString(), error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_KeyTrusted_Works()
    {
        var path = Source.Path("trusted", SourceEntry.File("x"));
        await Server.PushAsync(path);
        using var connection = Server.Connect();
        await using var reader = await connection.OpenAsync(new StoreReaderOptions { TrustedPublicKeys = [Server.PublicKey] });

        await reader.FindAsync(path);
    }

    [Fact]
    public void Establish_OffLoopbackWithoutKey_IsRefused()
    {
        using var connection = new ServerConnection(new ServerConnectionOptions { Servers = ServerConnectionOptions.ParseServers("http://127.0.0.1:1,http://cache.example.org:7420") });
        var store = new NixFuseStore.Protocol.GetStoreResponse { StoreDirectory = "/nix/store", PublicKeys = { Server.PublicKey.ToString() } };

        var error = Assert.Throws<StoreConfigurationException>(() => TrustPolicy.Establish(connection, [], store));

        Assert.Contains("--trusted-public-key", error.Message, StringComparison.Ordinal);
        TrustPolicy.Establish(connection, [Server.PublicKey], store);
    }
}
