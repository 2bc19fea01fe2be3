using System.Text;
using NixFuseStore.Daemon.Adding;
using NixFuseStore.Daemon.Tests.Clients;
using NixFuseStore.Daemon.Tests.Stores;
using NixFuseStore.Nix;
using static NixFuseStore.Daemon.Tests.Stores.SampleStore;

namespace NixFuseStore.Daemon.Tests.Operations;

public sealed class AddToStoreTests
{
    private static readonly byte[] Contents = "hello\n"u8.ToArray();

    private readonly MemoryDaemonStore _store = new();

    /// <summary>Paths that Nix 2.8.0 computed for the same file.</summary>
    public static TheoryData<string, string> Methods => new()
    {
        { "fixed:r:sha256", "i9pmrzmpshapij2kin22pff6fc2adavx-hello.txt" },
        { "fixed:r:sha1", "hzq8n5jpi3g2d0xhlvqd8q1gx5c9s6i3-hello.txt" },
        { "fixed:r:md5", "l2ycihp9r6lnfifs72r40m62fwicg5iz-hello.txt" },
        { "fixed:r:sha512", "8xkszhbayigjg9vbrrxfa1hp9qflbh6b-hello.txt" },
        { "fixed:sha256", "gy454w1cxaq731grqwylhzf4pp9r5izh-hello.txt" },
        { "fixed:sha1", "svdva85yi507g9vncgsaxvnd1r808h4w-hello.txt" },
        { "fixed:md5", "dra1cz5vbrhclpv4y1q0psnbkxz581bk-hello.txt" },
        { "fixed:sha512", "9a8mxachqmcv8x2cfijdps9dyxgyyrzm-hello.txt" },
    };

    [Theory]
    [MemberData(nameof(Methods))]
    public async Task AddToStore_OfOld_MakesThePathOfNix(string method, string baseName)
    {
        bool recursive = method.Contains(":r:", StringComparison.Ordinal);
        string algorithm = method[(method.LastIndexOf(':') + 1)..];
        bool isFixed = method != "fixed:r:sha256";
        foreach (int minor in (int[])[18, 24])
        {
            var reply = await TestDaemon.ConverseAsync(_store, minor, bytes => bytes
                .Number(7).Text("hello.txt").Number(isFixed ? 1UL : 0).Number(recursive ? 1UL : 0).Text(algorithm).Raw(NarFile.Of(Contents))
                .Number(1).Path(StorePath.ParseBaseName(baseName)));
            await reply.ExpectLastAsync();
            Assert.Equal(baseName, (await reply.ReadPathAsync()).BaseName);
            await reply.ExpectLastAsync();
            Assert.True(await reply.ReadBoolAsync());
        }
    }

    [Theory]
    [InlineData(18)]
    [InlineData(38)]
    public async Task AddTextToStore_MakesThePathOfNix(int minor)
    {
        var reply = await TestDaemon.ConverseAsync(_store, minor, bytes => bytes
            .Number(8).Text("t.txt").Text("hello\n").Number(0)
            .Number(8).Text("r.txt").Text(ReferrerContents).Number(1).Path(Text));
        await reply.ExpectLastAsync();
        Assert.Equal(Text, await reply.ReadPathAsync());
        await reply.ExpectLastAsync();
        Assert.Equal(Referrer, await reply.ReadPathAsync());
        Assert.Equal([Text], _store.Get(Referrer).References);
    }

    [Fact]
    public async Task Text_WithReferences_MakesThePathOfNix()
    {
        var reply = await TestDaemon.ConverseAsync(_store, 38, bytes => AddText(
            AddText(bytes, "t.txt", Contents), "r.txt", Encoding.ASCII.GetBytes(ReferrerContents), Text));
        await reply.ExpectLastAsync();
        Assert.Equal(Text, (await reply.ReadPathInfoAsync(StoreDirectory.Default)).Path);
        await reply.ExpectLastAsync();
        Assert.Equal(Referrer, (await reply.ReadPathInfoAsync(StoreDirectory.Default)).Path);
    }

    [Fact]
    public async Task Derivation_WhoseInputsWereAddedBefore_IsCheckedThroughTheStore()
    {
        var store = Create();
        byte[] contents = Encoding.Latin1.GetBytes(
            Encoding.Latin1.GetString(ReadDerivation("d2.drv")).Replace("ps4g84418h0d4cavn2k8fkxgnz2p383l", "ps4g84418h0d4cavn2k8fkxgnz2p383m", StringComparison.Ordinal));
        var reply = await TestDaemon.ConverseAsync(store, 38, bytes =>
        {
            AddText(bytes, "d2.drv", contents, Hello, Derivation1, FixedDerivation);
            bytes.Number(1).Path(Hello);
        });
        Assert.Contains("incorrect output", await reply.ExpectErrorAsync(), StringComparison.Ordinal);
        await reply.ExpectLastAsync();
        Assert.True(await reply.ReadBoolAsync());
    }

    [Theory]
    [InlineData("d.drv", "text:sha256", "not a derivation")]
    [InlineData("bad/name", "text:sha256", "bad/name")]
    [InlineData("x", "text:md5", "text:md5")]
    [InlineData("x", "fixed:sha3", "sha3")]
    [InlineData("x", "fixed:git:sha1", "git:sha1")]
    [InlineData("x", "nonsense", "nonsense")]
    [InlineData("x", "fixed:r:sha256", "not a NAR")]
    public async Task AddToStore_Refused_LeavesTheConnectionUsable(string name, string method, string message)
    {
        var reply = await TestDaemon.ConverseAsync(_store, 38, bytes => bytes
            .Number(7).Text(name).Text(method).Number(0).Number(0).Framed(new byte[300_000], frameBytes: 70_000)
            .Number(1).Path(Hello));
        Assert.Contains(message, await reply.ExpectErrorAsync(), StringComparison.Ordinal);
        await reply.ExpectLastAsync();
        Assert.False(await reply.ReadBoolAsync());
        await reply.ExpectEndAsync();
        Assert.Empty(_store.Paths);
        Assert.Equal(0, _store.OpenImports);
    }

    [Fact]
    public async Task FlatFile_LargerThanMemory_IsSpooledInAFileThatVanishes()
    {
        byte[] contents = new byte[(3 * Spool.MemoryBytesMax) + 17];
        new Random(1).NextBytes(contents);
        var directory = Directory.CreateTempSubdirectory("nixfuse-spool-");
        try
        {
            var reply = await TestDaemon.ConverseAsync(
                _store,
                38,
                bytes => bytes.Number(7).Text("big").Text("fixed:sha256").Number(0).Number(0).Framed(contents, 64 * 1024),
                TestDaemon.Trusting with { TemporaryDirectory = directory.FullName });
            await reply.ExpectLastAsync();
            var info = await reply.ReadPathInfoAsync(StoreDirectory.Default);
            Assert.Equal(NarFile.Of(contents), _store.GetNar(info.Path));
            Assert.Empty(directory.EnumerateFileSystemInfos());
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task FlatFile_WithoutRoomForTheSpool_IsAnErrorThatSaysSo()
    {
        var reply = await TestDaemon.ConverseAsync(
            _store,
            38,
            bytes => bytes.Number(7).Text("big").Text("fixed:sha256").Number(0).Number(0).Framed(new byte[2 * Spool.MemoryBytesMax]).Number(13),
            TestDaemon.Trusting with { TemporaryDirectory = "/nonexistent" });
        Assert.Contains("cannot write a temporary file in /nonexistent", await reply.ExpectErrorAsync(), StringComparison.Ordinal);
        await reply.ExpectLastAsync();
    }

    [Theory]
    [InlineData(3 << 20, 0, "more than the 3145728 bytes")]
    [InlineData(long.MaxValue, long.MaxValue, "no room for more of the data")]
    public async Task FlatFile_WithoutEnd_IsBoundedAndLeavesTheConnectionUsable(long bytesMax, long bytesLeft, string message)
    {
        var directory = Directory.CreateTempSubdirectory("nixfuse-spool-");
        try
        {
            var reply = await TestDaemon.ConverseAsync(
                _store,
                38,
                bytes => bytes.Number(7).Text("endless").Text("fixed:sha256").Number(0).Number(0).Framed(new byte[8 << 20], 64 * 1024).Number(1).Path(Hello),
                TestDaemon.Trusting with { TemporaryDirectory = directory.FullName, SpoolBytesMax = bytesMax, SpoolBytesLeft = bytesLeft });
            Assert.Contains(message, await reply.ExpectErrorAsync(), StringComparison.Ordinal);
            await reply.ExpectLastAsync();
            Assert.False(await reply.ReadBoolAsync());
            Assert.Empty(directory.EnumerateFileSystemInfos());
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task Repair_NeedsTrust()
    {
        var reply = await TestDaemon.ConverseAsync(
            _store,
            38,
            bytes => bytes.Number(7).Text("x").Text("text:sha256").Number(0).Number(1).Framed(Contents).Number(13),
            TestDaemon.Distrusting);
        Assert.Contains("needs a trusted client", await reply.ExpectErrorAsync(), StringComparison.Ordinal);
        await reply.ExpectLastAsync();
    }

    internal static WireBytes AddText(WireBytes bytes, string name, byte[] contents, params StorePath[] references)
    {
        bytes.Number(7).Text(name).Text("text:sha256").Number((ulong)references.Length);
        return references.Aggregate(bytes, (all, path) => all.Path(path)).Number(0).Framed(contents);
    }
}
