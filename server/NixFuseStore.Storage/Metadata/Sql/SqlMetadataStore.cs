using NixFuseStore.Storage.Base;

namespace NixFuseStore.Storage.Metadata.Sql;

/// <summary>
/// The metadata store on SQL, the same statements for both databases. This part opens sessions, repeats transactions that failed
/// because of others, and tells apart what the database's errors mean; the others each hold one concern.
/// </summary>
internal sealed partial class SqlMetadataStore : IMetadataStore
{
    /// <summary>A transaction that others disturbed is tried this often before it is given up.</summary>
    private const int AttemptsMax = 10;

    private readonly SqlDialect _dialect;
    private readonly TimeProvider _time;
    private readonly int _eventsKept;
    private readonly Action<string> _notice;
    private readonly EventSignal _signal;

    private long _durableCommits;

    private SqlMetadataStore(SqlDialect dialect, MetadataStoreOptions options)
    {
        _dialect = dialect;
        _time = options.TimeProvider;
        _eventsKept = options.EventsKept;
        _notice = options.Notice ?? (static _ => { });
        _signal = new EventSignal(dialect, ReadHeadsAsync);
    }

    /// <inheritdoc/>
    public event Action? FoundAway;

    /// <inheritdoc/>
    public string Description => _dialect.Description;

    /// <inheritdoc/>
    public long DurableCommits => Volatile.Read(ref _durableCommits);

    /// <summary>Opens the store and brings its schema up to date. Owns the dialect from now on, also when it fails.</summary>
    public static async Task<SqlMetadataStore> OpenAsync(
        SqlDialect dialect, MetadataStoreOptions options, CancellationToken cancellationToken)
    {
        var store = new SqlMetadataStore(dialect, options);
        try
        {
            if (options.MustExist)
            {
                await store.RequireSchemaAsync(cancellationToken).ConfigureAwait(false);
            }

            await store.MigrateAsync(cancellationToken).ConfigureAwait(false);
            return store;
        }
        catch
        {
            await CleanUp.RunAsync(store._notice, $"the connection to the {store.Description}", store.DisposeAsync).ConfigureAwait(false);
            throw;
        }
    }

    /// <inheritdoc/>
    public Task PingAsync(CancellationToken cancellationToken) =>
        ReadAsync(session => session.ScalarAsync("SELECT 1", cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _signal.DisposeAsync().ConfigureAwait(false);
        await _dialect.DisposeAsync().ConfigureAwait(false);
    }

    private long NowSeconds() => _time.GetUtcNow().ToUnixTimeSeconds();

    private async Task<T> ReadAsync<T>(Func<SqlSession, Task<T>> read, CancellationToken cancellationToken)
    {
        try
        {
            var session = await _dialect.OpenReadAsync(cancellationToken).ConfigureAwait(false);
            await using (session.ConfigureAwait(false))
            {
                try
                {
                    return await read(session).ConfigureAwait(false);
                }
                catch
                {
                    session.MarkFailed();
                    throw;
                }
            }
        }
        catch (Exception exception) when (_dialect.WhyUnavailable(exception) is { } reason)
        {
            throw Unavailable(reason, exception);
        }
    }

    /// <summary>Runs one transaction, again where only others were in its way; <paramref name="write"/> must be fit for that.</summary>
    private async Task<T> WriteAsync<T>(bool durable, Func<SqlSession, Task<T>> write, CancellationToken cancellationToken)
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                var session = await _dialect.OpenWriteAsync(durable, cancellationToken).ConfigureAwait(false);
                await using (session.ConfigureAwait(false))
                {
                    var result = await write(session).ConfigureAwait(false);
                    await session.CommitAsync(cancellationToken).ConfigureAwait(false);
                    if (durable)
                    {
                        Interlocked.Increment(ref _durableCommits);
                    }

                    return result;
                }
            }
            catch (Exception exception) when (attempt < AttemptsMax && _dialect.ShouldRetry(exception))
            {
                // The wait is random, so that two who keep meeting each other part.
                await Task.Delay(Random.Shared.Next(1, 10 * attempt), cancellationToken).ConfigureAwait(false);
            }
            catch (Exception exception) when (_dialect.WhyUnavailable(exception) is { } reason)
            {
                throw Unavailable(reason, exception);
            }
        }
    }

    private MetadataUnavailableException Unavailable(string reason, Exception exception)
    {
        FoundAway?.Invoke();
        return new MetadataUnavailableException($"The {Description} cannot be used: {reason.ReplaceLineEndings(" ")}", exception);
    }
}
