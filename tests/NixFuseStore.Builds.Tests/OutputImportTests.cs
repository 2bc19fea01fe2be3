using NixFuseStore.Builds.Outputs;
using NixFuseStore.Daemon;
using NixFuseStore.Daemon.Tests.Stores;
using NixFuseStore.Nix;
using NixFuseStore.Nix.Archives;
using NixFuseStore.Nix.Derivations;

namespace NixFuseStore.Builds.Tests;

/// <summary>Nothing is believed of an output: what the engine says of it is compared with its bytes.</summary>
public sealed class OutputImportTests : IDisposable
{
    private static readonly StorePath Input = StoreDirectory.Default.Parse("/nix/store/00000000000000000000000000000001-input");
    private static readonly StorePath Out = StoreDirectory.Default.Parse("/nix/store/00000000000000000000000000000002-out");
    private static readonly StorePath Dev = StoreDirectory.Default.Parse("/nix/store/00000000000000000000000000000003-dev");

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("nixfuse-builds-");
    private readonly MemoryDaemonStore _store = new();

    public OutputImportTests()
    {
        _store.Add(new PathInfo { Path = Input, NarHash = NixHash.Sha256(""u8), NarSize = 0 }, []);
        File.WriteAllText(FileOf(Out), $"refers to /nix/store/{Dev} and itself, /nix/store/{Out}\n");
        Directory.CreateDirectory(FileOf(Dev));
        File.WriteAllText(FileOf(Dev) + "/text", $"refers to {Input}");
    }

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task Outputs_AreRegistered_ReferencedOnesFirst()
    {
        var order = new List<StorePath>();
        _store.Registering = (info, _) =>
        {
            order.Add(info.Path);
            return Task.CompletedTask;
        };
        Assert.True(await RegisterAsync(Describe(Out, Dev, Out), Describe(Dev, Input)));
        Assert.Equal([Dev, Out], order);
        var registered = _store.Get(Out);
        Assert.True(registered.Ultimate);
        Assert.Equal("00000000000000000000000000000009-x.drv", registered.Deriver!.Value.BaseName);
        Assert.Equal(0, _store.OpenImports);
    }

    [Fact]
    public Task AReferenceThatIsNotThere_IsRefused() => RefusesAsync("references", Describe(Dev, Input, Out));

    [Fact]
    public Task AReferenceThatIsHidden_IsRefused() => RefusesAsync("references", Describe(Dev));

    [Fact]
    public Task AnotherHash_IsRefused() => RefusesAsync("NAR hash", Describe(Dev, Input) with { NarHash = NixHash.Sha256("other"u8) });

    [Fact]
    public Task AnotherSize_IsRefused() => RefusesAsync("NAR size", Describe(Dev, Input) with { NarSize = 8 });

    [Fact]
    public Task AContentAddressOfAnotherPath_IsRefused() => RefusesAsync(
        "content address",
        Describe(Dev, Input) with { ContentAddress = new ContentAddress(ContentAddressMethod.Nar, NixHash.Sha256("x"u8)) });

    [Fact]
    public async Task WhatTheStoreHasOtherwise_Stays()
    {
        // Another host has registered the same output with other content.
        _store.Add(Describe(Dev, Input) with { NarHash = NixHash.Sha256("other"u8) }, []);
        Assert.False(await RegisterAsync(Describe(Dev, Input)));
        Assert.Equal(NixHash.Sha256("other"u8), _store.Get(Dev).NarHash);
    }

    [Fact]
    public async Task ADerivationThatAClientMadeUp_IsNoDeriver()
    {
        Assert.True(await RegisterAsync(isRegistered: false, Describe(Dev, Input)));
        Assert.Null(_store.Get(Dev).Deriver);
    }

    private async Task RefusesAsync(string what, PathInfo output)
    {
        var refused = await Assert.ThrowsAsync<DaemonStoreException>(() => RegisterAsync(output));
        Assert.Contains(what, refused.Message, StringComparison.Ordinal);
        Assert.Equal([Input], _store.Paths);
        Assert.Equal(0, _store.OpenImports);
    }

    private Task<bool> RegisterAsync(params PathInfo[] outputs) => RegisterAsync(isRegistered: true, outputs);

    private Task<bool> RegisterAsync(bool isRegistered, params PathInfo[] outputs) => new OutputImport(_store).ImportAsync(
        new BuildStep
        {
            Path = StoreDirectory.Default.Parse("/nix/store/00000000000000000000000000000009-x.drv"),
            Derivation = new Derivation
            {
                Outputs = [], InputDerivations = [], InputSources = [], Platform = "", Builder = "", Arguments = [], Environment = [],
            },
            IsRegistered = isRegistered,
            Inputs = [Input],
            Outputs = outputs.ToDictionary(static output => output.Path.Name, static output => output.Path),
        },
        outputs,
        new Dictionary<StorePath, PathInfo> { [Input] = new() { Path = Input, NarHash = NixHash.Sha256(""u8), NarSize = 0 } },
        FileOf,
        static async imported =>
        {
            bool registered = true;
            foreach (var (import, info) in imported)
            {
                registered &= (await import.RegisterAsync(info, TestContext.Current.CancellationToken)).NarHash.Equals(info.NarHash);
            }

            return registered;
        },
        TestContext.Current.CancellationToken);

    private PathInfo Describe(StorePath path, params StorePath[] references)
    {
        using var hasher = new NarHasher();
        FileTreeWalker.Walk(FileOf(path), hasher, TestContext.Current.CancellationToken);
        ulong size = hasher.Size;
        return new PathInfo { Path = path, NarHash = hasher.Finish(), NarSize = size, References = [.. references.Order()] };
    }

    private string FileOf(StorePath path) => Path.Combine(_folder.FullName, path.BaseName);
}
