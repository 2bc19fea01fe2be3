using System.Security.Cryptography;
using Google.Protobuf;
using NixFuseStore.Native.Compression;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;
using NixFuseStore.Server.Tests.Samples;
using NixFuseStore.Testing.Stores;
using Xunit;
using Outcome = NixFuseStore.Protocol.RegisterPathResult.Types.Outcome;

namespace NixFuseStore.Server.Tests.Registration;

/// <summary>Claims that do not hold: each is refused with a line that says why, and nothing of it becomes valid.</summary>
public sealed class LyingPathTests : IAsyncLifetime
{
    private static readonly Dictionary<string, (string Reason, Action<NewPath> Lie)> Lies = new()
    {
        ["no record"] = ("record is missing", path => path.Path = null),
        ["no name"] = ("not the base name", path => path.Path.BaseName = ""),
        ["a name that climbs"] = ("not the base name", path => path.Path.BaseName = "../../../../../../../../../etc-passwd"),
        ["a name with a slash"] = ("not the base name", path => path.Path.BaseName += "/x"),
        ["a hash with letters that Nix lacks"] = ("not the base name", path => path.Path.BaseName = new string('e', 32) + "-x"),
        ["a short NAR hash"] = ("NAR hash", path => path.Path.NarHash = ByteString.CopyFrom(new byte[20])),
        ["another NAR hash"] = ("the content is a NAR of", path => path.Path.NarHash = ByteString.CopyFrom(new byte[32])),
        ["another NAR size"] = ("the content is a NAR of", path => path.Path.NarSize++),
        ["no NAR size"] = ("NAR size", path => path.Path.NarSize = 0),
        ["a huge NAR size"] = ("NAR size", path => path.Path.NarSize = ulong.MaxValue),
        ["a reference that is none"] = ("the reference 'x'", path => path.Path.References.Add("x")),
        ["a deriver that is none"] = ("the deriver", path => path.Path.Deriver = "x"),
        ["a deriver that is no derivation"] = ("the deriver", path => path.Path.Deriver = path.Path.BaseName),
        ["a signature that is none"] = ("signature", path => path.Path.Signatures.Add("x")),
        ["a content address that is none"] = ("content address", path => path.Path.ContentAddress = "fixed:what"),
        ["a content address of another path"] = ("belongs to", path => path.Path.ContentAddress = $"fixed:r:{new NixHash(NixHashAlgorithm.Sha256, path.Path.NarHash.Span)}"),
        ["a header of nothing"] = ("manifest header", path => path.Path.ManifestHeader = ByteString.Empty),
        ["a header cut short"] = ("manifest header", path => path.Path.ManifestHeader = ByteString.CopyFrom(path.Path.ManifestHeader.Span[..^1])),
        ["a header of random bytes"] = ("manifest header", path => path.Path.ManifestHeader = ByteString.CopyFrom(RandomNumberGenerator.GetBytes(path.Path.ManifestHeader.Length))),
        ["the header of another path"] = ("section", path => path.Path.ManifestHeader = SamplePath.CreateRandom("other", 2, 100).ToMessage().Path.ManifestHeader),
        ["no sections"] = ("section is missing", path => path.Sections.Clear()),
        ["a section with other bytes"] = ("is not what the header names", path => path.Sections[0].Zstd = ByteString.CopyFrom(Zstd.Compress(new byte[path.Sections[0].PlainLength], 3))),
        ["a section that is no zstd"] = ("is not what the header names", path => path.Sections[1].Zstd = ByteString.CopyFrom(1, 2, 3)),
        ["a section with another length"] = ("is not what the header names", path => path.Sections[1].PlainLength++),
        ["a section behind a skippable frame"] = ("is not what the header names", path => path.Sections[0].Zstd = ByteString.CopyFrom([0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0, .. path.Sections[0].Zstd.Span])),
        ["a chunk too many"] = ("a chunk came along", path => path.InlineChunks.Add(ByteString.CopyFrom(1, 2, 3))),
        ["a chunk that is another"] = ("a chunk came along", path => path.InlineChunks[0] = ByteString.CopyFrom(new byte[path.InlineChunks[0].Length])),
        ["an empty chunk"] = ("a chunk came along", path => path.InlineChunks.Add(ByteString.Empty)),
    };

    private TestServer _server = null!;

    public static TheoryData<string> Names => [.. Lies.Keys];

    public async ValueTask InitializeAsync() => _server = await TestServer.StartAsync();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Register_Lie_IsRefusedAndNothingIsValid(string name)
    {
        var (reason, lie) = Lies[name];
        var sample = SamplePath.CreateRandom("lie", 3, 5_000);
        var message = sample.ToMessage();
        lie(message);
        var result = await _server.RegisterAsync(message);
        Assert.Equal(Outcome.Refused, result.Outcome);
        Assert.Contains(reason, result.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', result.Message);
        Assert.Equal(0ul, (await _server.Client.GetStoreAsync(new GetStoreRequest { Store = "main" })).HeadEvent);

        // The same path is taken once it is told honestly.
        Assert.Equal(Outcome.Registered, (await _server.RegisterAsync(sample.ToMessage())).Outcome);
    }

    [Fact]
    public async Task Register_ManifestProvenBefore_OtherNarHashIsStillRefused()
    {
        var tree = FakeTree.Directory(("a", FakeTree.File("same content in two paths")));
        var first = SamplePath.Create("first", tree);
        await _server.RegisterAllAsync(first);
        var second = SamplePath.Create("second", tree).ToMessage();
        second.Path.NarHash = ByteString.CopyFrom(new byte[32]);
        var result = await _server.RegisterAsync(second);
        Assert.Equal(Outcome.Refused, result.Outcome);
        Assert.Contains("the content is a NAR of", result.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Register_ContentCutInAnotherWay_IsRefused()
    {
        // The same content, but cut by somebody who has a second opinion: two chunks where there must be one.
        var honest = SamplePath.Create("cut", FakeTree.File(new string('x', 1000)));
        var plain = honest.Chunks.Values.Single();
        var result = await _server.RegisterAsync(ForgedManifest.WithChunks(honest, [plain[..400], plain[400..]]));
        Assert.Equal(Outcome.Refused, result.Outcome);
        Assert.Contains("cut in another way", result.Message, StringComparison.Ordinal);

        // Forged with the right cuts it is the honest manifest again, so it was the cuts and nothing else.
        Assert.Equal(Outcome.Registered, (await _server.RegisterAsync(ForgedManifest.WithChunks(honest, [plain]))).Outcome);
    }

    [Fact]
    public async Task Register_TextAddress_IsCheckedAgainstTheContent()
    {
        const string Text = "some text";
        var hash = NixHash.Sha256("some text"u8);
        var path = StorePathComputation.MakeText(StoreDirectory.Default, "note", hash, []);
        var honest = SamplePath.Create(path, FakeTree.File(Text)).ToMessage();
        honest.Path.ContentAddress = new ContentAddress(ContentAddressMethod.Text, hash).ToString();
        var lie = SamplePath.Create(path, FakeTree.File("other text")).ToMessage();
        lie.Path.ContentAddress = honest.Path.ContentAddress;
        var result = await _server.RegisterAsync(lie);
        Assert.Equal(Outcome.Refused, result.Outcome);
        Assert.Contains("the content's hash is", result.Message, StringComparison.Ordinal);
        Assert.Equal(Outcome.Registered, (await _server.RegisterAsync(honest)).Outcome);
    }

    [Fact]
    public async Task Register_RecursiveSha1Address_IsCheckedAgainstTheContent()
    {
        var tree = FakeTree.Directory(("f", FakeTree.File("x")));
        var nar = new MemoryStream();
        tree.Send(new Nix.Archives.NarWriter(nar));
#pragma warning disable CA5350 // Nix has such addresses
        var address = new ContentAddress(ContentAddressMethod.Nar, new NixHash(NixHashAlgorithm.Sha1, SHA1.HashData(nar.ToArray())));
#pragma warning restore CA5350
        var path = StorePathComputation.MakeFixed(StoreDirectory.Default, "source", address);
        var lie = SamplePath.Create(path, FakeTree.Directory(("f", FakeTree.File("y")))).ToMessage();
        lie.Path.ContentAddress = address.ToString();
        Assert.Equal(Outcome.Refused, (await _server.RegisterAsync(lie)).Outcome);
        var honest = SamplePath.Create(path, tree).ToMessage();
        honest.Path.ContentAddress = address.ToString();
        Assert.Equal(Outcome.Registered, (await _server.RegisterAsync(honest)).Outcome);
    }

    // The hashes are those of Nix 2.8.0, which counts the positions of the references in, of 2.34.8, which does not, and of nothing.
    [Theory]
    [InlineData("0ys2nhqfxdanjy93wm174l8gxbwzllb9qsmxkw7cvgrq90s372v6", true)]
    [InlineData("0kiix90dlzh85p7zcx86a235jaaqw6yyv7m2a7n3l2w4d59b03n2", true)]
    [InlineData("0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73", false)]
    public async Task Register_SelfReference_IsAddressedModuloItself(string hash, bool taken)
    {
        var address = ContentAddress.Parse($"fixed:r:sha256:{hash}");
        var path = StorePathComputation.MakeFixed(StoreDirectory.Default, "self", address, refersToItself: true);
        var message = SamplePath.Create(path, FakeTree.File($"me /nix/store/{path}\n"), path).ToMessage();
        message.Path.ContentAddress = address.ToString();

        var result = await _server.RegisterAsync(message);

        Assert.Equal(taken ? Outcome.Registered : Outcome.Refused, result.Outcome);
    }

    // As with requireFile: only the bytes are hashed.
    [Theory]
    [InlineData(ContentAddressMethod.Flat, NixHashAlgorithm.Sha256)]
    [InlineData(ContentAddressMethod.Flat, NixHashAlgorithm.Sha512)]
    [InlineData(ContentAddressMethod.Text, NixHashAlgorithm.Sha256)]
    public async Task Register_ExecutableFileByItsContents_IsTakenWithItsBit(ContentAddressMethod method, NixHashAlgorithm algorithm)
    {
        var bytes = "#!/bin/sh\n"u8;
        var address = new ContentAddress(
            method, algorithm == NixHashAlgorithm.Sha256 ? NixHash.Sha256(bytes) : new NixHash(algorithm, SHA512.HashData(bytes)));
        var path = StorePathComputation.MakeFixed(StoreDirectory.Default, "setup.run", address);
        var message = SamplePath.Create(path, FakeTree.File(bytes.ToArray(), executable: true)).ToMessage();
        message.Path.ContentAddress = address.ToString();
        var lie = SamplePath.Create(path, FakeTree.File("#!/bin/bash\n"u8.ToArray(), executable: true)).ToMessage();
        lie.Path.ContentAddress = address.ToString();

        Assert.Equal(Outcome.Refused, (await _server.RegisterAsync(lie)).Outcome);
        Assert.Equal(Outcome.Registered, (await _server.RegisterAsync(message)).Outcome);
    }
}
