using System.Collections.Concurrent;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Access;

/// <summary>
/// What the database says about tokens, remembered for a moment: so briefly that a revoked token is refused within a second, and long
/// enough that a busy client does not cost a query a call. Calls may overlap; those for one token share one query.
/// </summary>
internal sealed class TokenDirectory(ITokenCatalog tokens, TimeProvider time)
{
    private static readonly TimeSpan RememberedFor = TimeSpan.FromMilliseconds(500);

    /// <summary>"Last used" is coarse, so that reading does not become writing.</summary>
    private static readonly TimeSpan TouchInterval = TimeSpan.FromHours(1);

    /// <summary>Beyond this, strangers are trying tokens, and everything is forgotten at once.</summary>
    private const int EntriesMax = 4096;

    private readonly ConcurrentDictionary<string, Remembered> _byToken = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<long, long> _touched = new();
    private volatile bool _anyToken;
    private volatile Remembered? _anyTokenQuery;

    /// <summary>The good token with this text, or null.</summary>
    public async ValueTask<TokenRecord?> FindAsync(string text)
    {
        if (text.Length > TokenText.LengthMax)
        {
            return null;
        }

        var now = time.GetTimestamp();
        if (!_byToken.TryGetValue(text, out var remembered) || time.GetElapsedTime(remembered.Since, now) > RememberedFor)
        {
            if (_byToken.Count >= EntriesMax)
            {
                _byToken.Clear();
            }

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

        if (token is not { Revoked: null })
        {
            return null;
        }

        await TouchAsync(token, now).ConfigureAwait(false);
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

    private async ValueTask TouchAsync(TokenRecord token, long now)
    {
        var last = _touched.GetValueOrDefault(token.Id);
        if ((last == 0 || time.GetElapsedTime(last, now) > TouchInterval) && _touched.TryAdd(token.Id, now) | _touched.TryUpdate(token.Id, now, last))
        {
            await tokens.TouchTokenAsync(token.Id).ConfigureAwait(false);
        }
    }

    private sealed record Remembered(long Since, Lazy<Task<object?>> Query);
}
