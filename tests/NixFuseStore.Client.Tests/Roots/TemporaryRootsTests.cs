using System.Globalization;
using NixFuseStore.Client.Roots;
using NixFuseStore.Client.Server;
using NixFuseStore.Client.Tests.Fixtures;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Tests.Roots;

public sealed class TemporaryRootsTests : IAsyncDisposable
{
    private static readonly StorePath A = StorePath.ParseBaseName("00000000000000000000000000000000-a");
    private static readonly StorePath B = StorePath.ParseBaseName("11111111111111111111111111111111-b");
    private static readonly StorePath C = StorePath.ParseBaseName("22222222222222222222222222222222-c");

    private TestServer? _server;
    private ServerConnection? _connection;
    private StoreReader? _reader;
    private TemporaryRoots? _roots;

    [Fact]
    public async Task Roots_OfSeveralUsers_StayUntilTheLastOneReleasesThem()
    {
        await StartAsync();
        var (one, two) = (_roots!.Open(), _roots.Open());
        one.Add(A);
        one.Add(B);
        two.Add(B);
        two.Add(C);
        await _roots.FlushAsync(ReaderExtensions.Token);
        Assert.Equal([A, B, C], await ListAsync());

        one.Dispose();
        await ExpectAsync(B, C);

        using var three = _roots.Open();
        three.Add(B);
        two.Dispose();
        await ExpectAsync(B);
    }

    [Fact]
    public async Task Roots_WithoutFlush_AreWithTheServerSoon()
    {
        await StartAsync();
        using var user = _roots!.Open();
        user.Add(A);

        await ExpectAsync(A);
    }

    [Fact]
    public async Task Flush_WhileOthersKeepAdding_EndsWithWhatWasAddedBefore()
    {
        await StartAsync();
        using var user = _roots!.Open();
        user.Add(A);
        using var enough = new CancellationTokenSource();
        var adding = AddAsync();

        await _roots.FlushAsync(ReaderExtensions.Token).AsTask().WaitAsync(TimeSpan.FromSeconds(60), ReaderExtensions.Token);
        await enough.CancelAsync();
        await adding;

        Assert.Contains(A, await ListAsync());

        async Task AddAsync()
        {
            for (int i = 0; !enough.IsCancellationRequested; i++)
            {
                user.Add(StorePath.ParseBaseName($"{i.ToString(CultureInfo.InvariantCulture).PadLeft(32, '0')}-other"));
                await Task.Yield();
            }
        }
    }

    [Fact]
    public async Task Session_EndsWithTheLastUser_AndAnotherBeginsWithTheNext()
    {
        await StartAsync();
        var user = _roots!.Open();
        user.Add(A);
        await ExpectAsync(A);
        var first = (await ListSessionsAsync()).Single();
        user.Dispose();
        await ExpectAsync();
        Assert.False(await IsAliveAsync(first));

        using var next = _roots.Open();
        next.Add(A);
        await ExpectAsync(A);
        Assert.NotEqual(first, (await ListSessionsAsync()).Single());
    }

    [Fact]
    public async Task Session_ThatWasLost_IsReplacedByOneWithAllThatIsHeld()
    {
        await StartAsync();
        using var user = _roots!.Open();
        user.Add(A);
        await ExpectAsync(A);
        await _connection!.Current.Store.CloseSessionAsync(
            new CloseSessionRequest { Store = "main", Session = (await ListSessionsAsync()).Single() }, cancellation: ReaderExtensions.Token);
        Assert.Empty(await ListAsync());

        user.Add(B);
        await _roots.FlushAsync(ReaderExtensions.Token);

        Assert.Equal([A, B], await ListAsync());
    }

    [Fact]
    public async Task Dispose_ReleasesEverything()
    {
        await StartAsync();
        var user = _roots!.Open();
        user.Add(A);
        await ExpectAsync(A);

        await _roots.DisposeAsync();
        _roots = null;

        Assert.Empty(await ListAsync());
    }

    [Fact]
    public async Task ManyUsersAtOnce_LeaveWhatIsHeldAndNothingElse()
    {
        await StartAsync();
        using var staying = _roots!.Open();
        var paths = Enumerable.Range(0, 200)
            .Select(i => StorePath.ParseBaseName(string.Create(CultureInfo.InvariantCulture, $"{i:D32}-path"))).ToArray();
        var seed = Random.Shared.Next();
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");

        await Task.WhenAll(Enumerable.Range(0, 16).Select(number => Task.Run(async () =>
        {
            var random = new Random(seed + number);
            for (var i = 0; i < 20; i++)
            {
                using var user = _roots.Open();
                for (var j = 0; j < 10; j++)
                {
                    user.Add(paths[random.Next(paths.Length)]);
                }

                staying.Add(paths[random.Next(50)]);
                await _roots.FlushAsync(ReaderExtensions.Token);
                await Task.Delay(random.Next(60), ReaderExtensions.Token);
            }
        })));
        foreach (var path in paths[..50])
        {
            staying.Add(path);
        }

        await ExpectAsync(paths[..50]);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await (_roots?.DisposeAsync() ?? default);
        await (_reader?.DisposeAsync() ?? default);
        _connection?.Dispose();
        await (_server?.DisposeAsync() ?? default);
    }

    private async Task StartAsync()
    {
        _server = await TestServer.StartAsync();
        _connection = _server.Connect();
        _reader = await _connection.OpenAsync();
        _roots = new TemporaryRoots(_reader, "host", TestContext.Current.TestOutputHelper!.WriteLine, TimeProvider.System);
    }

    private async Task ExpectAsync(params StorePath[] expected)
    {
        IEnumerable<StorePath> found = [];
        for (var i = 0; i < 600 && !(found = await ListAsync()).SequenceEqual(expected); i++)
        {
            await Task.Delay(100, ReaderExtensions.Token);
        }

        Assert.Equal(expected, found);
    }

    private async Task<StorePath[]> ListAsync() =>
        [.. (await new StoreRoots(_reader!, "host").ListAsync(ReaderExtensions.Token)).Select(root => root.Target).Order()];

    private async Task<IEnumerable<ulong>> ListSessionsAsync() =>
        (await new StoreRoots(_reader!, "host").ListAsync(ReaderExtensions.Token))
            .Select(root => ulong.Parse(root.Link["{temp:".Length..^1], CultureInfo.InvariantCulture)).Distinct();

    private async Task<bool> IsAliveAsync(ulong session) => (await _connection!.Current.Store.RenewSessionAsync(
        new RenewSessionRequest { Store = "main", Session = session, LeaseSeconds = 5 }, cancellation: ReaderExtensions.Token)).Alive;
}
