using Google.Protobuf;
using NixFuseStore.Client.Push;
using NixFuseStore.Client.Server;
using NixFuseStore.Nix;
using NixFuseStore.Nix.LocalStores;
using NixFuseStore.Protocol;
using NixFuseStore.Testing.LocalStores;
using Outcome = NixFuseStore.Protocol.RegisterPathResult.Types.Outcome;

namespace NixFuseStore.Client.Tests.Pushing;

/// <summary>Servers whose answers do not fit the question: a push ends with a line that says so, and concludes nothing.</summary>
public sealed class LyingPushTargetTests : IDisposable
{
    private readonly FakeLocalStore _local = new();
    private readonly StorePath[] _paths;

    public LyingPushTargetTests()
    {
        _paths = [.. Enumerable.Range(0, 3).Select(i => _local.AddFile($"file{i}", PusherTests.Noise(i, 300_000)).Path)];
        _local.Save();
    }

    public void Dispose() => _local.Dispose();

    public static TheoryData<string, Action<RegisterPathsResponse>> Registrations => new()
    {
        { "none", response => response.Results.Clear() },
        { "too few", response => response.Results.RemoveAt(0) },
        { "too many", response => response.Results.Add(response.Results[0].Clone()) },
        { "another path", response => response.Results[0].Path = new PathRecord { BaseName = new string('0', 32) + "-x", NarHash = response.Results[0].Path.NarHash } },
        { "no path", response => response.Results[0].Path = null },
        { "another hash", response => response.Results[0].Path = new PathRecord(response.Results[0].Path) { NarHash = ByteString.CopyFrom(new byte[32]) } },
        { "no hash", response => response.Results[0].Path = new PathRecord(response.Results[0].Path) { NarHash = ByteString.Empty } },
        { "no base name", response => response.Results[0].Path = new PathRecord(response.Results[0].Path) { BaseName = "../x" } },
        { "no outcome", response => response.Results[0].Outcome = Outcome.Unspecified },
        { "unknown outcome", response => response.Results[0].Outcome = (Outcome)99 },
        { "conflict with itself", response => response.Results[0].Outcome = Outcome.Conflict },
        { "revoked unasked", response => response.Results[0].Outcome = Outcome.Revoked },
        { "no chunks missing", response => response.Results[0].Outcome = Outcome.MissingChunks },
        { "half a chunk missing", response => response.Results[0] = new RegisterPathResult { Outcome = Outcome.MissingChunks, MissingChunkIds = ByteString.CopyFrom(new byte[33]) } },
        { "no references missing", response => response.Results[0].Outcome = Outcome.MissingReferences },
        { "odd references missing", response => response.Results[0] = new RegisterPathResult { Outcome = Outcome.MissingReferences, MissingReferences = { "\u001b[2J" } } },
    };

    [Theory]
    [MemberData(nameof(Registrations))]
    public async Task RegistrationsThatDoNotFit_EndThePush(string what, Action<RegisterPathsResponse> change)
    {
        Assert.NotEmpty(what);
        await ExpectRefusalAsync(new Liar { Registered = change });
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1)]
    [InlineData(0)]
    public async Task MissingChunksThatDoNotFit_EndThePush(int longer) => await ExpectRefusalAsync(new Liar
    {
        Missing = (missing, chunks) => longer switch
        {
            < 0 => [],
            > 0 => [.. missing, 0],
            _ when chunks % 8 == 0 => [.. missing, 1],
            _ => [.. missing[..^1], (byte)(missing[^1] | 0x80)],
        },
    });

    public static TheoryData<string, Func<PathRecord, PathRecord[]>> Queries => new()
    {
        { "twice", record => [record, record] },
        { "another", record => [new PathRecord(record) { BaseName = new string('0', 32) + "-x" }] },
        { "no name", record => [new PathRecord(record) { BaseName = "x" }] },
        { "no hash", record => [new PathRecord(record) { NarHash = ByteString.Empty }] },
    };

    [Theory]
    [MemberData(nameof(Queries))]
    public async Task RecordsThatDoNotFit_EndThePush(string what, Func<PathRecord, PathRecord[]> change)
    {
        Assert.NotEmpty(what);
        await ExpectRefusalAsync(new Liar { Queried = change });
    }

    [Fact]
    public async Task UnknownMissingChunks_EndInAFailureOfThePath()
    {
        var server = new Liar
        {
            Registered = response => response.Results[0] = new RegisterPathResult { Outcome = Outcome.MissingChunks, MissingChunkIds = ByteString.CopyFrom(new byte[32]) },
        };
        var result = await PushAsync(server);
        Assert.Contains(result.Paths, path => path.Outcome == PushOutcome.Failed && path.Message.Contains("lost its chunks", StringComparison.Ordinal));
    }

    [Fact]
    public async Task TextOfARefusal_CannotActOnATerminal()
    {
        var server = new Liar { Registered = response => response.Results[0] = new RegisterPathResult { Outcome = Outcome.Refused, Message = "no\u001b[2J\nnixfuse: all is well" } };
        var result = await PushAsync(server);
        var failed = Assert.Single(result.Paths, path => path.Outcome == PushOutcome.Failed);
        Assert.DoesNotContain(failed.Message, char.IsControl);
    }

    private async Task ExpectRefusalAsync(Liar server)
    {
        var error = await Assert.ThrowsAnyAsync<StoreClientException>(() => PushAsync(server));
        Assert.StartsWith("the server does not keep to the protocol: it answered ", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(error.Message, char.IsControl);
    }

    private async Task<PushResult> PushAsync(IPushTarget server)
    {
        using var store = LocalNixStore.Open(_local.Root);
        var pusher = new Pusher(server, store, new PushOptions { Uploads = 1 }, TimeProvider.System);
        return await pusher.PushAsync(_paths, TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
    }

    /// <summary>A sound server whose answers are changed on their way.</summary>
    private sealed class Liar : IPushTarget
    {
        private readonly FakePushTarget _sound = new();

        public Action<RegisterPathsResponse>? Registered { get; init; }

        public Func<byte[], int, byte[]>? Missing { get; init; }

        /// <summary>What is answered for the first path that was asked for.</summary>
        public Func<PathRecord, PathRecord[]>? Queried { get; init; }

        public string StoreName => _sound.StoreName;

        public Task<GetStoreResponse> GetStoreAsync(CancellationToken cancellationToken) => _sound.GetStoreAsync(cancellationToken);

        public async Task<QueryPathsResponse> QueryPathsAsync(QueryPathsRequest request, CancellationToken cancellationToken)
        {
            var response = await _sound.QueryPathsAsync(request, cancellationToken);
            response.Paths.AddRange(Queried?.Invoke(new PathRecord { BaseName = request.HashParts[0] + "-file", NarHash = ByteString.CopyFrom(new byte[32]) }) ?? []);
            return response;
        }

        public async Task<FindMissingChunksResponse> FindMissingChunksAsync(FindMissingChunksRequest request, CancellationToken cancellationToken)
        {
            var response = await _sound.FindMissingChunksAsync(request, cancellationToken);
            var missing = response.Missing.ToByteArray();
            return new FindMissingChunksResponse { Missing = ByteString.CopyFrom(Missing?.Invoke(missing, request.ChunkIds.Length / 32) ?? missing) };
        }

        public Task UploadAsync(IReadOnlyList<PackedChunk> chunks, CancellationToken cancellationToken) => _sound.UploadAsync(chunks, cancellationToken);

        public Task<UploadNarResponse> UploadNarAsync(Func<Stream, CancellationToken, Task> write, ulong? bytes, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public async Task<RegisterPathsResponse> RegisterPathsAsync(RegisterPathsRequest request, ulong narBytes, CancellationToken cancellationToken)
        {
            var response = await _sound.RegisterPathsAsync(request, narBytes, cancellationToken);
            Registered?.Invoke(response);
            return response;
        }
    }
}
