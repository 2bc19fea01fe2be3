using NixFuseStore.Nix;
using NixFuseStore.Nix.Tests.Derivations;
using NixFuseStore.Protocol;
using NixFuseStore.Server.Tests.Samples;
using NixFuseStore.Testing.Stores;
using Xunit;
using Outcome = NixFuseStore.Protocol.RegisterPathResult.Types.Outcome;

namespace NixFuseStore.Server.Tests.Registration;

/// <summary>Derivations become valid with outputs that follow from them, or not at all.</summary>
public sealed class DerivationTests : IAsyncLifetime
{
    private const string Output = "ps4g84418h0d4cavn2k8fkxgnz2p383l-d2";

    private static readonly SamplePath Source = SamplePath.Create(
        StorePath.ParseBaseName("i9pmrzmpshapij2kin22pff6fc2adavx-hello.txt"), FakeTree.File("hello\n"));

    private static readonly SamplePath Plain = SampleDerivations.OfText(DerivationVectors.InputAddressedPath, DerivationVectors.InputAddressed);
    private static readonly SamplePath Fixed = SampleDerivations.OfText(DerivationVectors.FixedPath, DerivationVectors.Fixed);
    private static readonly SamplePath WithInputs = SampleDerivations.OfText(DerivationVectors.WithInputsPath, DerivationVectors.WithInputs);

    private TestServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await TestServer.StartAsync();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task Register_NixsDerivationsInAnyOrder_AreTheDeriversOfTheirOutputs()
    {
        await _server.RegisterAllAsync(WithInputs, Plain, Fixed, Source);

        var request = new QueryDeriversRequest { Store = "main" };
        request.BaseNames.AddRange([Output, "aakzqgv97l93kb6r4yabd5wxxlamwpkc-d2-lib", "1ijqscvmqb6qqvnh2f9rk95bnd5w2ig8-fod.txt", Source.Path.BaseName]);
        var derivers = await QueryDeriversAsync(request);
        Assert.Equal(3, derivers.Count);
        Assert.Equal(WithInputs.Path.BaseName, derivers[Output]);
        Assert.Equal(WithInputs.Path.BaseName, derivers["aakzqgv97l93kb6r4yabd5wxxlamwpkc-d2-lib"]);
        Assert.Equal(Fixed.Path.BaseName, derivers["1ijqscvmqb6qqvnh2f9rk95bnd5w2ig8-fod.txt"]);
    }

    [Fact]
    public async Task Register_InputsRegisteredThroughAnotherServer_AreReadFromTheStore()
    {
        SamplePath[] chain = [.. SampleDerivations.Chain(600)];
        await _server.RegisterAllAsync(chain[..^1]);
        await using var other = await TestServer.StartAsync(metadata: _server.Storage.MetadataUri, blobs: _server.Storage.BlobsUri);

        await other.RegisterAllAsync(chain[^1]);
    }

    [Theory]
    [InlineData("ms9gvp0dr3rpypcmcc4wj0ywygmj9dk1-d1\",\"\",\"\"", "as9gvp0dr3rpypcmcc4wj0ywygmj9dk1-d1\",\"\",\"\"", "incorrect output")]
    [InlineData("(\"out\",\"/nix/store/ms9gvp0dr3rpypcmcc4wj0ywygmj9dk1-d1\"),(\"system\"", "(\"out\",\"/nix/store/x\"),(\"system\"", "incorrect output")]
    [InlineData("\"x86_64-linux\",\"/bin/sh\"", "\"riscv64-linux\",\"/bin/sh\"", "incorrect output")]
    [InlineData("d1\",\"\",\"\")", "d1\",\"sha256\",\"\")", "incorrect output")]
    [InlineData("d1\",\"\",\"\")", "d1\",\"sha256\",\"abc\")", "hash")]
    public async Task Register_OutputsThatDoNotFollow_IsRefused(string text, string lie, string reason)
    {
        var changed = DerivationVectors.InputAddressed.Replace(text, lie, StringComparison.Ordinal);
        Assert.NotEqual(DerivationVectors.InputAddressed, changed);

        await IsRefusedAsync(SampleDerivations.OfText(changed), reason);
    }

    [Fact]
    public async Task Register_WrongVariable_IsRefused()
    {
        // A fixed output's path does not depend on the environment, so that only the variable is wrong here.
        var right = Derived("1ijqscvmqb6qqvnh2f9rk95bnd5w2ig8-fod.txt");
        var changed = DerivationVectors.Fixed.Replace($"(\"out\",\"{right}\"),(\"outputHash\"", "(\"out\",\"/nix/store/else\"),(\"outputHash\"", StringComparison.Ordinal);
        Assert.NotEqual(DerivationVectors.Fixed, changed);
        var path = DerivationVectors.Parse(changed).ComputePath(StoreDirectory.Default, "fod.txt");

        await IsRefusedAsync(SampleDerivations.OfText(Derived(path.BaseName), changed), "incorrect environment variable out='/nix/store/else'");
    }

    [Fact]
    public async Task Register_AtAnotherPathThanItsOwn_IsRefused() => await IsRefusedAsync(
        SampleDerivations.OfText($"/nix/store/{new string('0', 32)}-d1.drv", DerivationVectors.InputAddressed), $"the path of this derivation is {Plain.Path}");

    [Fact]
    public async Task Register_WhatIsNoDerivation_IsRefused()
    {
        await IsRefusedAsync(SamplePath.CreateRandom("directory.drv", 1, 10), "and this is none");
        await IsRefusedAsync(SamplePath.Create("empty.drv", FakeTree.File("")), "malformed");
        await IsRefusedAsync(SamplePath.Create("link.drv", FakeTree.Link("x")), "and this is none");
        await IsRefusedAsync(SamplePath.Create("text.drv", FakeTree.File("Derive([")), "malformed");
        await IsRefusedAsync(SamplePath.Create("long.drv", FakeTree.File(new byte[(16 << 20) + 1])), "at most");
        for (var length = 0; length < DerivationVectors.WithInputs.Length; length += 61)
        {
            await IsRefusedAsync(SamplePath.Create("cut.drv", FakeTree.File(DerivationVectors.WithInputs[..length])), "malformed");
        }
    }

    [Fact]
    public async Task Register_InputNotValidOrRefused_IsAMissingReference()
    {
        await _server.RegisterAllAsync(Source, Plain);
        Assert.Equal(
            (Outcome.MissingReferences, Fixed.Path.BaseName),
            Summary(await _server.RegisterAsync(WithInputs.ToMessage())));

        var refused = Fixed.ToMessage();
        refused.Path.NarSize++;
        var request = new RegisterPathsRequest { Store = "main" };
        request.Paths.AddRange([refused, WithInputs.ToMessage()]);
        var results = (await _server.Client.RegisterPathsAsync(request)).Results;
        Assert.Equal(Outcome.Refused, results[0].Outcome);
        Assert.Equal((Outcome.MissingReferences, Fixed.Path.BaseName), Summary(results[1]));

        var silent = WithInputs.ToMessage();
        silent.Path.References.Clear();
        var result = await _server.RegisterAsync(silent);
        Assert.Equal(Outcome.Refused, result.Outcome);
        Assert.Contains("does not refer to", result.Message, StringComparison.Ordinal);
    }

    private static string Derived(string baseName) => $"/nix/store/{baseName}";

    private static (Outcome Outcome, string Missing) Summary(RegisterPathResult result) => (result.Outcome, string.Join(' ', result.MissingReferences));

    private async Task IsRefusedAsync(SamplePath path, string reason)
    {
        var result = await _server.RegisterAsync(path.ToMessage());
        Assert.Equal(Outcome.Refused, result.Outcome);
        Assert.Contains(reason, result.Message, StringComparison.Ordinal);
        var query = new QueryPathsRequest { Store = "main" };
        query.HashParts.Add(path.Path.HashPart);
        Assert.Empty((await _server.Client.QueryPathsAsync(query)).Paths);
    }

    private async Task<Dictionary<string, string>> QueryDeriversAsync(QueryDeriversRequest request)
    {
        var derivers = new Dictionary<string, string>();
        await foreach (var message in _server.Client.QueryDeriversAsync(request, null, TestServer.Cancellation))
        {
            foreach (var related in message.Paths)
            {
                derivers.Add(related.BaseName, Assert.Single(related.Related));
            }
        }

        return derivers;
    }
}
