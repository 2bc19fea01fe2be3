using Microsoft.Extensions.Logging;
using NixFuseStore.Server.Access;
using NixFuseStore.Server.Base;
using NixFuseStore.Storage;
using NixFuseStore.Storage.Metadata;
using Xunit;

namespace NixFuseStore.Server.Tests.Access;

/// <summary>What is remembered of tokens, over a real database.</summary>
public sealed class TokenDirectoryTests : IAsyncLifetime
{
    private readonly string _directory = Directory.CreateTempSubdirectory("nixfuse-tokens-").FullName;
    private readonly StringWriter _log = new();
    private readonly StoppedTime _time = new();
    private CountingTokens _tokens = null!;
    private IMetadataStore _metadata = null!;
    private TokenDirectory _access = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _metadata = await StorageFactory.OpenMetadataAsync($"sqlite:{_directory}/metadata.db", Token);
        _tokens = new CountingTokens(_metadata);
        _access = new TokenDirectory(_tokens, _time, new LineLogger(TextWriter.Synchronized(_log), LogLevel.Information));
    }

    public async ValueTask DisposeAsync()
    {
        await _metadata.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task Find_AfterThousandsOfBogusTokens_StillKnowsTheGoodOne()
    {
        var good = await CreateAsync();
        Assert.NotNull(await _access.FindAsync(good));
        var asked = _tokens.Finds;
        for (int i = 0; i < 5_000; i++)
        {
            Assert.Null(await _access.FindAsync(TokenText.Generate()));
        }

        Assert.NotNull(await _access.FindAsync(good));
        Assert.Equal(asked + 5_000, _tokens.Finds);
    }

    [Theory]
    [InlineData("")]
    [InlineData("nixfuse_")]
    [InlineData("root:x:0:0:root:/root:/bin/bash")]
    [InlineData("nixfuse_000000000000000000000000000000000000000000\0")]
    [InlineData("nixfuse_00000000000000000000000000000000000000000000")]
    public async Task Find_NoToken_AsksNobody(string text)
    {
        Assert.Null(await _access.FindAsync(text));
        Assert.Equal(0, _tokens.Finds);
    }

    [Fact]
    public async Task Find_LastUseCannotBeNoted_IsNoReasonToRefuse()
    {
        var good = await CreateAsync();
        _tokens.TouchFailure = new MetadataUnavailableException("the test's disk is full");

        Assert.NotNull(await _access.FindAsync(good));

        await Samples.Eventually.HoldsAsync(() => Task.FromResult(_log.ToString().Contains("disk is full", StringComparison.Ordinal)));
        Assert.NotNull(await _access.FindAsync(good));
    }

    private async Task<string> CreateAsync()
    {
        var text = TokenText.Generate();
        await _metadata.CreateTokenAsync(
            new NewToken(TokenText.Hash(text), "test", AccessRights.Read, new Dictionary<StoreId, AccessRights>()), Token);
        return text;
    }

    /// <summary>A clock that stands still, so that nothing is asked for again for having become old.</summary>
    private sealed class StoppedTime : TimeProvider
    {
        public override long GetTimestamp() => 1;
    }

    private sealed class CountingTokens(ITokenCatalog tokens) : ITokenCatalog
    {
        private int _finds;

        public int Finds => Volatile.Read(ref _finds);

        public Exception? TouchFailure { get; set; }

        public Task<TokenRecord> CreateTokenAsync(NewToken token, CancellationToken cancellationToken) => tokens.CreateTokenAsync(token, cancellationToken);

        public Task<TokenRecord?> FindTokenAsync(ReadOnlyMemory<byte> hash, CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref _finds);
            return tokens.FindTokenAsync(hash, cancellationToken);
        }

        public Task<IReadOnlyList<bool>> AreTokensActiveAsync(IReadOnlyList<byte[]> hashes, CancellationToken cancellationToken) =>
            tokens.AreTokensActiveAsync(hashes, cancellationToken);

        public Task<IReadOnlyList<TokenRecord>> ListTokensAsync(CancellationToken cancellationToken) => tokens.ListTokensAsync(cancellationToken);

        public Task<bool> AnyTokenAsync(CancellationToken cancellationToken) => tokens.AnyTokenAsync(cancellationToken);

        public Task<bool> RevokeTokenAsync(long id, CancellationToken cancellationToken) => tokens.RevokeTokenAsync(id, cancellationToken);

        public Task TouchTokenAsync(long id, CancellationToken cancellationToken) =>
            TouchFailure is { } failure ? Task.FromException(failure) : tokens.TouchTokenAsync(id, cancellationToken);
    }
}
