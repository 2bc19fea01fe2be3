using NixFuseStore.Daemon.Tests.Clients;
using NixFuseStore.Daemon.Tests.Stores;
using NixFuseStore.Nix;

namespace NixFuseStore.Daemon.Tests.Sessions;

/// <summary>Conversations of real programs, byte for byte.</summary>
public sealed class RecordingTests
{
    // The version that a server announces lies behind its magic number.
    private const int VersionOffset = 8;

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(int.MaxValue)]
    public async Task WholeSession_OfNix28_IsAnsweredAsByNix(int pieceBytes)
    {
        var recording = Recording.Load("session-2.8.txt");
        var store = new MemoryDaemonStore();
        store.Add(
            new PathInfo
            {
                Path = StorePath.ParseBaseName("ms9gvp0dr3rpypcmcc4wj0ywygmj9dk1-d1"),
                Deriver = StorePath.ParseBaseName("kf3myksh69b2qrdkjv8nwfj9wcl7pqs2-d1.drv"),
                NarHash = NixHash.Parse("10551daed7fa467d0b58826e7eb9a0f2af7d693de319f2ef775fffcda244b9f6", NixHashAlgorithm.Sha256),
                NarSize = 120,
                RegistrationTime = 0x6b0025d2,
                Ultimate = true,
            },
            []);

        var transport = new ScriptedTransport(recording.FromClient, pieceBytes);
        await TestDaemon.RunAsync(store, transport, TestDaemon.Trusting with { Version = "2.8.0" });
        Assert.Equal(WithOurVersion(recording.FromServer), transport.Sent);
    }

    [Fact]
    public async Task Handshake_OfNix234_IsAnsweredAsByNix()
    {
        var recording = Recording.Load("handshake-2.34.txt");
        var transport = new ScriptedTransport(recording.FromClient);
        await TestDaemon.RunAsync(new MemoryDaemonStore(), transport, TestDaemon.Trusting with { Version = "2.34.8" });
        Assert.Equal(recording.FromServer, transport.Sent);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(13)]
    [InlineData(int.MaxValue)]
    public async Task AddToStore_OfNix28_IsAnsweredAsByNix(int pieceBytes)
    {
        var recording = Recording.Load("add-to-store.txt");
        var clock = new FixedClock(DateTimeOffset.FromUnixTimeSeconds(0x6b00259b));
        var transport = new ScriptedTransport(new WireBytes().Raw(TestDaemon.Greet(34).ToArray()).Raw(recording.FromClient).ToArray(), pieceBytes);
        var store = new MemoryDaemonStore();
        await TestDaemon.RunAsync(store, transport, TestDaemon.Trusting with { Clock = clock, Version = "" });

        byte[] reply = transport.Sent[(8 + 8 + 8 + 8)..]; // magic, version, empty text, LAST
        Assert.Equal(recording.FromServer, reply);
        Assert.Equal(0, store.OpenImports);
    }

    [Fact]
    public async Task Error_IsWrittenAsByNix()
    {
        var transport = new ScriptedTransport(default);
        var writer = new Daemon.Wire.WireWriter(transport);
        new Daemon.Logging.LogChannel(writer).Error("build of \u001b[35;1m'/nix/store/00000000000000000000000000000000-missing'\u001b[0m failed");
        await writer.FlushAsync();
        Assert.Equal(Recording.Load("error.txt").FromServer, transport.Sent);
    }

    private static byte[] WithOurVersion(byte[] bytes)
    {
        bytes[VersionOffset] = 0x26;
        return bytes;
    }

    private sealed class FixedClock(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }
}
