using System.Text;
using NixFuseStore.Daemon.Tests.Clients;
using NixFuseStore.Daemon.Tests.Stores;
using NixFuseStore.Nix;
using static NixFuseStore.Daemon.Tests.Stores.SampleStore;

namespace NixFuseStore.Daemon.Tests.Operations;

/// <summary>
/// What stock Nix may add, and what not, whichever store is behind the daemon: one in memory believes the daemon, a server makes up its own
/// mind, and both must come to the same.
/// </summary>
public abstract class AddingContract : IAsyncLifetime
{
    private static readonly byte[] Contents = "hello\n"u8.ToArray();

    private AddingStore _store = null!;

    /// <inheritdoc/>
    public async ValueTask InitializeAsync() => _store = await OpenAsync();

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _store.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task UntrustedClient_MayAddContentAddressedPaths()
    {
        var samples = Create();
        var info = samples.Get(Hello);
        var reply = await TestDaemon.ConverseAsync(
            _store.Daemon, 38, bytes => AddNarTests.SendNar(bytes, 38, info, samples.GetNar(Hello), dontCheckSignatures: false), TestDaemon.Distrusting);
        await reply.ExpectLastAsync();
        Assert.Equal([Hello], await _store.PathsAsync());
    }

    [Theory]
    [MemberData(nameof(AddToStoreTests.Methods), MemberType = typeof(AddToStoreTests))]
    public async Task AddToStore_ByEachMethod_MakesThePathOfNix(string method, string baseName)
    {
        byte[] data = method.Contains(":r:", StringComparison.Ordinal) ? NarFile.Of(Contents) : Contents;
        foreach (int minor in (int[])[25, 34, 38])
        {
            var reply = await TestDaemon.ConverseAsync(
                _store.Daemon, minor, bytes => bytes.Number(7).Text("hello.txt").Text(method).Number(0).Number(0).Framed(data, frameBytes: 5));
            await reply.ExpectLastAsync();
            var info = await reply.ReadPathInfoAsync(StoreDirectory.Default);
            Assert.Equal(baseName, info.Path.BaseName);
            Assert.StartsWith(method, info.ContentAddress!.ToString(), StringComparison.Ordinal);
            Assert.Equal(NarFile.Of(Contents), await _store.NarAsync(info.Path));
            await reply.ExpectEndAsync();
        }
    }

    [Fact]
    public async Task Derivations_AreCheckedAndAdded()
    {
        var reply = await TestDaemon.ConverseAsync(_store.Daemon, 38, bytes =>
        {
            bytes.Number(7).Text("hello.txt").Text("fixed:r:sha256").Number(0).Number(0).Framed(NarFile.Of(Contents));
            AddToStoreTests.AddText(bytes, "d1.drv", ReadDerivation("d1.drv"));
            AddToStoreTests.AddText(bytes, "fod.txt.drv", ReadDerivation("fod.drv"));
            AddToStoreTests.AddText(bytes, "d2.drv", ReadDerivation("d2.drv"), Hello, Derivation1, FixedDerivation);
        });
        foreach (var path in (StorePath[])[Hello, Derivation1, FixedDerivation, Derivation2])
        {
            await reply.ExpectLastAsync();
            Assert.Equal(path, (await reply.ReadPathInfoAsync(StoreDirectory.Default)).Path);
        }
    }

    // The hashes are those of Nix 2.8.0, which counts the positions of the references in, of 2.34.8, which does not, and of nothing.
    [Theory]
    [InlineData("0ys2nhqfxdanjy93wm174l8gxbwzllb9qsmxkw7cvgrq90s372v6", true)]
    [InlineData("0kiix90dlzh85p7zcx86a235jaaqw6yyv7m2a7n3l2w4d59b03n2", true)]
    [InlineData("0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73", false)]
    public async Task SelfReference_IsAddressedModuloItself(string hash, bool taken)
    {
        var address = ContentAddress.Parse($"fixed:r:sha256:{hash}");
        var path = StorePathComputation.MakeFixed(StoreDirectory.Default, "self", address, refersToItself: true);
        byte[] contents = Encoding.ASCII.GetBytes($"me /nix/store/{path}\n");
        var info = Describe(path, contents, null, path) with { ContentAddress = address };
        var reply = await TestDaemon.ConverseAsync(
            _store.Daemon, 38, bytes => AddNarTests.SendNar(bytes, 38, info, NarFile.Of(contents), dontCheckSignatures: false), TestDaemon.Distrusting);
        if (taken)
        {
            await reply.ExpectLastAsync();
            Assert.Equal([path], await _store.PathsAsync());
        }
        else
        {
            Assert.Contains("ca hash mismatch", await reply.ExpectErrorAsync(), StringComparison.Ordinal);
            Assert.Empty(await _store.PathsAsync());
        }
    }

    [Fact]
    public async Task FalseContentAddress_IsRefused()
    {
        var flat = Describe(FixedOutput, "hello\n"u8.ToArray(), ContentAddressMethod.Flat);
        byte[] otherNar = NarFile.Of("HELLO\n");
        var reply = await TestDaemon.ConverseAsync(_store.Daemon, 38, bytes =>
        {
            AddNarTests.SendNar(bytes, 38, flat with { NarHash = NixHash.Sha256(otherNar) }, otherNar, dontCheckSignatures: true);
            AddNarTests.SendNar(bytes, 38, flat with { Path = Output1 }, NarFile.Of("hello\n"), dontCheckSignatures: true);
            AddNarTests.SendNar(bytes, 38, flat, NarFile.Of("hello\n"), dontCheckSignatures: true);
        });
        Assert.Contains("ca hash mismatch", await reply.ExpectErrorAsync(), StringComparison.Ordinal);
        Assert.Contains("belongs to", await reply.ExpectErrorAsync(), StringComparison.Ordinal);
        await reply.ExpectLastAsync();
        Assert.Equal([FixedOutput], await _store.PathsAsync());
    }

    // As with requireFile and "nix-store --add-fixed sha256 setup.run": only the bytes are hashed, and the bit is kept.
    [Theory]
    [InlineData(ContentAddressMethod.Flat)]
    [InlineData(ContentAddressMethod.Text)]
    public async Task ExecutableFile_AddressedByItsContents_IsTakenAsItIs(ContentAddressMethod method)
    {
        var address = new ContentAddress(method, NixHash.Sha256("hello\n"u8));
        var path = StorePathComputation.MakeFixed(StoreDirectory.Default, "setup.run", address);
        byte[] nar = NarFile.Of("hello\n"u8, executable: true);
        var info = Describe(path, "hello\n"u8.ToArray(), method) with { NarHash = NixHash.Sha256(nar), NarSize = (ulong)nar.Length };
        var reply = await TestDaemon.ConverseAsync(
            _store.Daemon, 38, bytes => AddNarTests.SendNar(bytes, 38, info, nar, dontCheckSignatures: false), TestDaemon.Distrusting);
        await reply.ExpectLastAsync();
        Assert.Equal(nar, await _store.NarAsync(path));
    }

    private protected abstract Task<AddingStore> OpenAsync();
}

/// <summary>The store in memory, which most tests of the daemon use.</summary>
public sealed class AddingToMemoryTests : AddingContract
{
    private protected override Task<AddingStore> OpenAsync() => Task.FromResult<AddingStore>(new MemoryAddingStore());
}

/// <summary>The store of a mount, on a real server.</summary>
public sealed class AddingToServerTests : AddingContract
{
    private protected override Task<AddingStore> OpenAsync() => ServedAddingStore.StartAsync();
}
