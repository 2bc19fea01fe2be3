using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Storage.Tests.Metadata;

/// <summary>What every metadata store must do. Each test has a database of its own; parts by concern.</summary>
public abstract partial class MetadataContract : IAsyncLifetime
{
    private readonly List<IMetadataStore> _opened = [];

    /// <summary>The store that most tests use, with one store in it.</summary>
    protected IMetadataStore Metadata { get; private set; } = null!;

    protected StoreId Main { get; private set; }

    protected static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        await PrepareAsync();
        Metadata = await OpenAsync();
        Main = (await CreateStoreAsync("main")).Id;
    }

    public async ValueTask DisposeAsync()
    {
        await CloseAllAsync();
        await CleanUpAsync();
        GC.SuppressFinalize(this);
    }

    protected abstract Task PrepareAsync();

    protected abstract ValueTask CleanUpAsync();

    protected abstract string Uri { get; }

    /// <summary>Keeps a copy of the database as it is now. Nothing is open while it is made.</summary>
    protected abstract Task MakeCopyAsync();

    /// <summary>Puts the copy in the database's place. Nothing is open meanwhile.</summary>
    protected abstract Task PutCopyBackAsync();

    protected async Task BackUpAsync()
    {
        await CloseAllAsync();
        await MakeCopyAsync();
    }

    protected async Task RestoreAsync()
    {
        await CloseAllAsync();
        await PutCopyBackAsync();
    }

    private async Task CloseAllAsync()
    {
        foreach (var store in _opened)
        {
            await store.DisposeAsync();
        }

        _opened.Clear();
    }

    /// <summary>Opens this test's database once more, as another server process would.</summary>
    protected async Task<IMetadataStore> OpenAsync(MetadataStoreOptions? options = null)
    {
        var store = await StorageFactory.OpenMetadataAsync(Uri, options ?? new MetadataStoreOptions(), Token);
        _opened.Add(store);
        return store;
    }

    protected async Task<StoreRecord> CreateStoreAsync(string name)
    {
        var store = await Metadata.CreateStoreAsync(new NewStore(name, "/nix/store", 1, $"{name}-1:c2VjcmV0", $"{name}-1:cHVibGlj"), Token);
        Assert.NotNull(store);
        return store;
    }

    /// <summary>Indexes chunks and registers; all must become valid.</summary>
    private protected async Task<IReadOnlyList<StoredPath>> AddAsync(params SamplePath[] samples)
    {
        await SamplePath.IndexAsync(Metadata, Main, samples);
        var results = await Metadata.RegisterPathsAsync(
            Main, ChunkScope.All, [.. samples.Select(sample => sample.Registration)], cancellationToken: Token);
        Assert.All(results, result => Assert.Equal(RegistrationOutcome.Registered, result.Outcome));
        return [.. results.Select(result => result.Path!)];
    }
}
