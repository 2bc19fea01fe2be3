using Google.Protobuf;
using NixFuseStore.Client.Push;
using NixFuseStore.Client.Server;
using NixFuseStore.Client.Tests.Fixtures;
using NixFuseStore.Content;
using NixFuseStore.Native.Compression;
using NixFuseStore.Protocol;
using NixFuseStore.Protocol.DataPlane;
using Outcome = NixFuseStore.Protocol.RegisterPathResult.Types.Outcome;

namespace NixFuseStore.Client.Tests.Pushing;

/// <summary>What a push relies on: the target in memory, which the tests of the push use, answers as a real server does.</summary>
public abstract class PushTargetContract : IAsyncLifetime
{
    private readonly SourceStore _source = new(17);
    private IPushTarget _target = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <inheritdoc/>
    public async ValueTask InitializeAsync() => _target = await OpenAsync();

    /// <inheritdoc/>
    public virtual ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return default;
    }

    [Fact]
    public async Task GetStore_SaysWhatAPushMustKnow()
    {
        var store = await _target.GetStoreAsync(Token);

        Assert.Equal(("main", "/nix/store", true), (store.Store, store.StoreDirectory, store.MayWrite));
        Assert.Equal(ChunkingParameters.Current.Id, store.ChunkingParameters);
        Assert.Equal("main", _target.StoreName);
    }

    [Fact]
    public async Task Chunks_AreMissingUntilTheyAreUploaded()
    {
        ChunkId[] ids = [.. Large("large").Chunks.Keys];
        Assert.InRange(ids.Length, 10, 1000);
        Assert.All(await MissingAsync(ids), Assert.True);

        await UploadAsync(ids.Take(5).Select(id => (id, Large("large").Chunks[id])));

        Assert.Equal(ids.Select((_, i) => i >= 5), await MissingAsync(ids));
    }

    [Fact]
    public async Task Register_ChunksUploaded_MakesThePathValid()
    {
        var path = Large("large");
        await UploadAsync(path.Chunks.Select(chunk => (chunk.Key, chunk.Value)));
        Assert.Empty(await QueryAsync(path));

        var result = await RegisterAsync(TestServer.Claim(path));

        Assert.Equal(Outcome.Registered, result.Outcome);
        Assert.Equal(path.Path.BaseName, result.Path.BaseName);
        Assert.Equal(path.Path.BaseName, Assert.Single(await QueryAsync(path)).BaseName);
    }

    [Fact]
    public async Task Register_SmallPath_TakesItsChunksAlong()
    {
        var path = _source.Path("small", SourceEntry.File("a few bytes"));
        var claim = TestServer.Claim(path);
        claim.InlineChunks.AddRange(path.Chunks.Values.Select(chunk => ByteString.CopyFrom(chunk)));

        Assert.Equal(Outcome.Registered, (await RegisterAsync(claim)).Outcome);
    }

    [Fact]
    public async Task Register_ChunksMissing_NamesThem()
    {
        var path = Large("large");
        ChunkId[] ids = [.. path.Chunks.Keys];
        await UploadAsync(ids.Skip(3).Select(id => (id, path.Chunks[id])));

        var result = await RegisterAsync(TestServer.Claim(path));

        Assert.Equal(Outcome.MissingChunks, result.Outcome);
        var missing = result.MissingChunkIds.ToByteArray();
        Assert.Equal(ids.Take(3).Order(), Enumerable.Range(0, missing.Length / ChunkId.Size).Select(i => ChunkId.Read(missing.AsSpan(i * ChunkId.Size))).Order());
    }

    [Fact]
    public async Task Register_ReferenceMissing_NamesIt()
    {
        var reference = _source.Path("reference", SourceEntry.File("referenced"));
        var path = _source.Path("path", SourceEntry.File("refers"), reference);
        var claim = WithContent(path);

        var result = await RegisterAsync(claim);

        Assert.Equal(Outcome.MissingReferences, result.Outcome);
        Assert.Equal([reference.Path.BaseName], result.MissingReferences);
    }

    [Fact]
    public async Task Register_SeveralAtOnce_EachHasItsOwnOutcomeInOrder()
    {
        var first = _source.Path("first", SourceEntry.File("first"));
        var second = _source.Path("second", SourceEntry.File("second"), first);
        var lie = WithContent(_source.Path("lie", SourceEntry.File("lie")));
        lie.Path.NarHash = ByteString.CopyFrom(new byte[32]);
        var request = new RegisterPathsRequest { Store = "main", Paths = { WithContent(first), lie, WithContent(second) } };

        var response = await _target.RegisterPathsAsync(request, (ulong)request.Paths.Sum(path => (long)path.Path.NarSize), Token);

        Assert.Equal([Outcome.Registered, Outcome.Refused, Outcome.Registered], response.Results.Select(result => result.Outcome));
        Assert.NotEmpty(response.Results[1].Message);
    }

    [Fact]
    public async Task Register_ValidPath_SaysWhetherItIsTheSame()
    {
        var path = _source.Path("path", SourceEntry.File("content"));
        await RegisterAsync(WithContent(path));
        var other = WithContent(new SourcePath(path.Path.BaseName, SourceEntry.File("other content")));

        var same = await RegisterAsync(WithContent(path));
        var conflict = await RegisterAsync(other);

        Assert.Equal((Outcome.AlreadyValid, Outcome.Conflict), (same.Outcome, conflict.Outcome));
        Assert.Equal(path.Info.NarHash.ToArray(), conflict.Path.NarHash.ToByteArray());
    }

    private protected abstract Task<IPushTarget> OpenAsync();

    // The same each time.
    private static SourcePath Large(string name)
    {
        var source = new SourceStore(5);
        return source.Path(name, SourceEntry.File(source.Bytes(2_000_000)));
    }

    private static NewPath WithContent(SourcePath path)
    {
        var claim = TestServer.Claim(path);
        claim.InlineChunks.AddRange(path.Chunks.Values.Select(chunk => ByteString.CopyFrom(chunk)));
        return claim;
    }

    private async Task<bool[]> MissingAsync(ChunkId[] ids)
    {
        var request = new FindMissingChunksRequest { Store = "main", ChunkIds = ByteString.CopyFrom([.. ids.SelectMany(id => id.ToArray())]) };
        var answer = await _target.FindMissingChunksAsync(request, Token);
        Assert.Equal((ids.Length + 7) / 8, answer.Missing.Length);
        return [.. ids.Select((_, i) => (answer.Missing[i / 8] >> (i % 8) & 1) != 0)];
    }

    private Task UploadAsync(IEnumerable<(ChunkId Id, byte[] Plain)> chunks) => _target.UploadAsync(
        [.. chunks.Select(chunk => Zstd.Compress(chunk.Plain, 1) is var frame && frame.Length < chunk.Plain.Length
            ? new PackedChunk(chunk.Id, ChunkEncoding.Zstd, chunk.Plain.Length, frame)
            : new PackedChunk(chunk.Id, ChunkEncoding.Plain, chunk.Plain.Length, chunk.Plain))],
        Token);

    private async Task<RegisterPathResult> RegisterAsync(NewPath path) => Assert.Single(
        (await _target.RegisterPathsAsync(new RegisterPathsRequest { Store = "main", Paths = { path } }, path.Path.NarSize, Token)).Results);

    private async Task<IReadOnlyList<PathRecord>> QueryAsync(SourcePath path) =>
        [.. (await _target.QueryPathsAsync(new QueryPathsRequest { Store = "main", HashParts = { path.Path.HashPart } }, Token)).Paths];
}

/// <summary>The target in memory.</summary>
public sealed class FakePushTargetTests : PushTargetContract
{
    private protected override Task<IPushTarget> OpenAsync() => Task.FromResult<IPushTarget>(new FakePushTarget());
}

/// <summary>A real server.</summary>
public sealed class ServerPushTargetTests : PushTargetContract
{
    private TestServer? _server;
    private ServerConnection? _connection;

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        _connection?.Dispose();
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }

        await base.DisposeAsync();
    }

    private protected override async Task<IPushTarget> OpenAsync()
    {
        _server = await TestServer.StartAsync();
        _connection = _server.Connect();
        return new ServerPushTarget(_connection);
    }
}
