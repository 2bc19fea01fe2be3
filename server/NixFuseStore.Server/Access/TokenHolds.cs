using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Access;

/// <summary>
/// Access that a call of long duration relies on. It ends within a second after the token was revoked, or, for a call without one, after the
/// first token was made.
/// </summary>
internal sealed class TokenHold(string reason, Action release, CancellationToken ended) : IDisposable
{
    private Action? _release = release;

    /// <summary>Cancelled when the access is over.</summary>
    public CancellationToken Ended => ended;

    /// <summary>What to tell the caller then.</summary>
    public string Reason => reason;

    public void Dispose() => Interlocked.Exchange(ref _release, null)?.Invoke();
}

/// <summary>
/// Looks at the tokens of all calls of long duration together: one statement twice a second however many there are, none while there are
/// none. Calls may overlap.
/// </summary>
internal sealed class TokenHolds(ITokenCatalog tokens, TimeProvider time)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);

    /// <summary>Stands for calls without a token.</summary>
    private const string NoToken = "";

    private readonly Lock _gate = new();

    // Both guarded by _gate.
    private readonly Dictionary<string, Held> _held = new(StringComparer.Ordinal);
    private bool _running;

    /// <summary>Holds a token that was just found active; null for a call that was let in without one.</summary>
    public TokenHold Hold(string? text)
    {
        var key = text ?? NoToken;
        lock (_gate)
        {
            if (!_held.TryGetValue(key, out var held))
            {
                _held.Add(key, held = new Held(text is null ? null : TokenText.Hash(text)));
            }

            held.Holders++;
            if (!_running)
            {
                _running = true;
                _ = Task.Run(RunAsync, CancellationToken.None);
            }

            return new TokenHold(
                text is null ? "this server asks for a token from now on" : "the token is not known here, or it was revoked",
                () => Release(key, held),
                held.Ended.Token);
        }
    }

    private void Release(string key, Held held)
    {
        lock (_gate)
        {
            if (--held.Holders == 0 && _held.TryGetValue(key, out var now) && now == held)
            {
                _held.Remove(key);
            }
        }
    }

    private async Task RunAsync()
    {
        while (true)
        {
            await Task.Delay(Interval, time).ConfigureAwait(false);
            KeyValuePair<string, Held>[] held;
            lock (_gate)
            {
                if (_held.Count == 0)
                {
                    _running = false;
                    return;
                }

                held = [.. _held];
            }

            try
            {
                await CheckAsync(held).ConfigureAwait(false);
            }
#pragma warning disable CA1031 // the next round asks again; a server without its database ends these calls for that reason
            catch (Exception)
#pragma warning restore CA1031
            {
            }
        }
    }

    private async Task CheckAsync(KeyValuePair<string, Held>[] held)
    {
        var withToken = Array.FindAll(held, static one => one.Value.Hash is not null);
        var active = await tokens.AreTokensActiveAsync([.. withToken.Select(static one => one.Value.Hash!)]).ConfigureAwait(false);
        for (int i = 0; i < active.Count; i++)
        {
            if (!active[i])
            {
                End(withToken[i].Key, withToken[i].Value);
            }
        }

        if (Array.Find(held, static one => one.Value.Hash is null) is { Value: { } anonymous } && await tokens.AnyTokenAsync().ConfigureAwait(false))
        {
            End(NoToken, anonymous);
        }
    }

    private void End(string key, Held held)
    {
        lock (_gate)
        {
            // A holder from now on was found active after this.
            if (_held.TryGetValue(key, out var now) && now == held)
            {
                _held.Remove(key);
            }
        }

        held.Ended.Cancel();
    }

    private sealed class Held(byte[]? hash)
    {
        public byte[]? Hash => hash;

        /// <summary>Guarded by the lock of the holds.</summary>
        public int Holders { get; set; }

        // Not disposed: it has no timer, and holders may still look at its token.
        public CancellationTokenSource Ended { get; } = new();
    }
}
