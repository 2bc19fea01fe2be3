using System.Collections.Concurrent;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Access;

/// <summary>
/// What the database says about tokens, remembered for a moment: so briefly that a revoked token is refused within a second, and long
/// enough that a busy client does not cost a query a call. Calls may overlap; those for one token share one query.
/// </summary>
internal sealed partial class TokenDirectory(ITokenCatalog tokens, TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan RememberedFor = TimeSpan.FromMilliseconds(500);

    /// <summary>"Last used" is coarse, so that reading does not become writing.</summary>
    private static readonly TimeSpan TouchInterval = TimeSpan.FromHours(1);

    /// <summary>Tokens that are remembered as unknown; the oldest are forgotten first. They never take the place of a good one.</summary>
    private const int UnknownMax = 4_096;

    private readonly ConcurrentDictionary<string, Remembered> _byToken = new(StringComparer.Ordinal);
    private readonly ConcurrentQueue<KeyValuePair<string, Remembered>> _unknown = new();
    private readonly ConcurrentDictionary<long, long> _touched = new();
    private volatile bool _anyToken;
    private volatile Remembered? _anyTokenQuery;
    private int _touchFailed;

    /// <summary>Tokens of calls that run long, which are looked at all together.</summary>
    public TokenHolds Holds { get; } = new(tokens, time);

    /// <summary>The active token with this text, or null.</summary>
    public async ValueTask<TokenRecord?> FindAsync(string text)
    {
        if (!TokenText.HasForm(text))
        {
            return null;
        }

        var now = time.GetTimestamp();
        if (!_byToken.TryGetValue(text, out var remembered) || time.GetElapsedTime(remembered.Since, now) > RememberedFor)
        {
            remembered = new Remembered(now, new Lazy<Task<object?>>(async () => await tokens.FindTokenAsync(TokenText.Hash(text)).ConfigureAwait(false)));
            _byToken[text] = remembered;
        }

        TokenRecord? token;
        try
        {
            token = (TokenRecord?)await remembered.Query.Value.ConfigureAwait(false);
        }
        catch
        {
            // A failure is nothing to remember.
            _byToken.TryRemove(new KeyValuePair<string, Remembered>(text, remembered));
            throw;
        }

        if (token is not { Revoked: null } || token.IsExpired(time.GetUtcNow()))
        {
            BoundUnknown(text, remembered);
            return null;
        }

        Touch(token, now);
        return token;
    }

    /// <summary>Whether any token was ever made.</summary>
    public async ValueTask<bool> AnyAsync()
    {
        if (_anyToken)
        {
            return true;
        }

        var now = time.GetTimestamp();
        var query = _anyTokenQuery;
        if (query is null || time.GetElapsedTime(query.Since, now) > RememberedFor || query.Query.Value.IsFaulted)
        {
            query = new Remembered(now, new Lazy<Task<object?>>(async () => await tokens.AnyTokenAsync().ConfigureAwait(false)));
            _anyTokenQuery = query;
        }

        var any = (bool)(await query.Query.Value.ConfigureAwait(false))!;
        if (any)
        {
            // Tokens are revoked but never forgotten, so this does not turn back.
            _anyToken = true;
        }

        return any;
    }

    private void BoundUnknown(string text, Remembered remembered)
    {
        if (!remembered.TryMarkUnknown())
        {
            return;
        }

        _unknown.Enqueue(new KeyValuePair<string, Remembered>(text, remembered));
        while (_unknown.Count > UnknownMax && _unknown.TryDequeue(out var oldest))
        {
            // Only if it is still that very entry: one that was asked for again is in the queue again.
            _byToken.TryRemove(oldest);
        }
    }

    /// <summary>In the background, since it may wait for a disk and may fail: reading with the token depends on neither.</summary>
    private void Touch(TokenRecord token, long now)
    {
        var last = _touched.GetValueOrDefault(token.Id);
        if ((last == 0 || time.GetElapsedTime(last, now) > TouchInterval) && (_touched.TryAdd(token.Id, now) || _touched.TryUpdate(token.Id, now, last)))
        {
            _ = Task.Run(() => TouchAsync(token.Id));
        }
    }

    private async Task TouchAsync(long id)
    {
        try
        {
            await tokens.TouchTokenAsync(id).ConfigureAwait(false);
            Volatile.Write(ref _touchFailed, 0);
        }
#pragma warning disable CA1031 // a note for people who tidy up; the next hour writes it again
        catch (Exception e)
#pragma warning restore CA1031
        {
            if (Interlocked.Exchange(ref _touchFailed, 1) == 0)
            {
                LogNotTouched(logger, id, e.Message);
            }
        }
    }

    [LoggerMessage(43, LogLevel.Warning, "cannot note that token {Token} was used: {Reason}")]
    private static partial void LogNotTouched(ILogger logger, long token, string reason);

    private sealed class Remembered(long since, Lazy<Task<object?>> query)
    {
        private int _isUnknown;

        public long Since => since;

        public Lazy<Task<object?>> Query => query;

        public bool TryMarkUnknown() => Interlocked.Exchange(ref _isUnknown, 1) == 0;
    }
}
