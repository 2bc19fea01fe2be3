using System.Text;
using NixFuseStore.Client.Reading;
using NixFuseStore.Client.Tests.Fixtures;
using NixFuseStore.Content;
using NixFuseStore.Nix;

namespace NixFuseStore.Client.Tests.Reading;

/// <summary>What was changed on the way, or comes from somebody else, is refused with a clear error and never handed out.</summary>
public sealed class VerificationTests : IAsyncLifetime
{
    private readonly SourceStore _source = new(2);
    private TestServer _server = null!;
    private TamperingProxy _proxy = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await TestServer.StartAsync();
        _proxy = new TamperingProxy(_server.Address);
    }

    public async ValueTask DisposeAsync()
    {
        await _proxy.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task Read_ChunkChangedOnce_IsFetchedAgain()
    {
        var content = _source.Bytes(100_000);
        var path = _source.Path("noise", SourceEntry.File(content));
        await _server.PushAsync(path);
        using var connection = _server.Connect(_proxy.Address);
        await using var reader = await connection.OpenAsync();
        var handle = await reader.FindAsync(path);
        await reader.GetTreeAsync(handle, ReaderExtensions.Token);

        _proxy.Tamper(content[5_000..5_020], times: 1);

        Assert.Equal(content, await reader.ReadAsync(handle, 0));
        Assert.Equal(1, _proxy.Changed);
        Assert.Equal(1, reader.Status.BadChunks);
    }

    [Fact]
    public async Task Read_ChunkChangedAlways_FailsClearly()
    {
        var content = _source.Bytes(100_000);
        var path = _source.Path("noise", SourceEntry.File(content));
        await _server.PushAsync(path);
        using var connection = _server.Connect(_proxy.Address);
        var cache = new MemoryChunkCache();
        await using var reader = await connection.OpenAsync(cache: cache);
        var handle = await reader.FindAsync(path);
        _proxy.Tamper(content[5_000..5_020]);

        var error = await Assert.ThrowsAsync<StoreVerificationException>(() => reader.ReadAsync(handle, 0));

        Assert.Contains("does not verify", error.Message, StringComparison.Ordinal);
        Assert.True(reader.Status.BadChunks >= 2);
        Assert.All(cache.Chunks, c => Assert.Equal(c.Key, ChunkId.Compute(c.Value)));

        // What was sound is there, and once the way is clear again so is the rest.
        _proxy.Tamper(null);
        Assert.Equal(content, await reader.ReadAsync(handle, 0));
    }

    [Fact]
    public async Task Find_RecordChanged_FailsClearly()
    {
        var path = _source.Path("record", SourceEntry.File("x"));
        await _server.PushAsync(path);
        using var connection = _server.Connect(_proxy.Address);
        await using var reader = await connection.OpenAsync();

        _proxy.Tamper(path.Info.NarHash.Digest.ToArray());
        var error = await Assert.ThrowsAsync<StoreVerificationException>(() => reader.FindAsync(path));
        Assert.Contains("no trusted key signed", error.Message, StringComparison.Ordinal);

        _proxy.Tamper(null);
        await reader.FindAsync(path);
    }

    [Fact]
    public async Task Read_SectionChanged_FailsClearly()
    {
        // Digests do not compress, so they stand in the section's frame as they are.
        var content = _source.Bytes(600_000);
        var path = _source.Path("section", SourceEntry.File(content));
        await _server.PushAsync(path);
        using var connection = _server.Connect(_proxy.Address);
        await using var reader = await connection.OpenAsync();

        _proxy.Tamper(path.Chunks.Keys.First().ToArray()[8..24]);
        var handle = await reader.FindAsync(path);
        var error = await Assert.ThrowsAsync<StoreVerificationException>(() => reader.ReadAsync(handle, 0));
        Assert.Contains("does not verify", error.Message, StringComparison.Ordinal);
        Assert.True(_proxy.Changed > 0);

        _proxy.Tamper(null);
        Assert.Equal(content, await reader.ReadAsync(handle, 0));
    }

    [Fact]
    public async Task Find_SignatureChanged_FailsClearly()
    {
        var path = _source.Path("signed", SourceEntry.File("x"));
        await _server.PushAsync(path);
        using var connection = _server.Connect(_proxy.Address);
        await using var reader = await connection.OpenAsync();

        // "main-1:" begins the signature; the character after it is its first digit.
        _proxy.Tamper(Encoding.ASCII.GetBytes(_server.PublicKey.Name + ":"));

        await Assert.ThrowsAsync<StoreVerificationException>(() => reader.FindAsync(path));
    }

    [Fact]
    public async Task Open_KeyNotTrusted_IsRefused()
    {
        using var connection = _server.Connect();
        var other = NixSecretKey.Generate("other-1").PublicKey;

        var error = await Assert.ThrowsAsync<StoreConfigurationException>(() => connection.OpenAsync(new StoreReaderOptions { TrustedPublicKeys = [other] }));

        Assert.Contains("not among the trusted public keys", error.Message, StringComparison.Ordinal);
        Assert.Contains(_server.PublicKey.ToString(), error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_KeyTrusted_Works()
    {
        var path = _source.Path("trusted", SourceEntry.File("x"));
        await _server.PushAsync(path);
        using var connection = _server.Connect();
        await using var reader = await connection.OpenAsync(new StoreReaderOptions { TrustedPublicKeys = [_server.PublicKey] });

        await reader.FindAsync(path);
    }

    [Fact]
    public void Establish_OffLoopbackWithoutKey_IsRefused()
    {
        using var connection = new ServerConnection(new ServerConnectionOptions { Servers = ServerConnectionOptions.ParseServers("http://127.0.0.1:1,http://cache.example.org:7420") });
        var store = new NixFuseStore.Protocol.GetStoreResponse { StoreDirectory = "/nix/store", PublicKeys = { _server.PublicKey.ToString() } };

        var error = Assert.Throws<StoreConfigurationException>(() => TrustPolicy.Establish(connection, [], store));

        Assert.Contains("--trusted-public-key", error.Message, StringComparison.Ordinal);
        TrustPolicy.Establish(connection, [_server.PublicKey], store);
    }
}
