using System.Collections.Concurrent;
using System.Net;
using System.Text;
using System.Threading.RateLimiting;
using BitFaster.Caching.Lru;
using NixFuseStore.Nix;
using NixFuseStore.Nix.BinaryCaches;
using NixFuseStore.Server.Base;

namespace NixFuseStore.Server.Upstreams;

/// <summary>
/// An upstream binary cache over HTTP. Nothing that it says is believed here. It rests for a while when it cannot be reached, so that a dead
/// one costs its time-out once and not with every path; what is wrong with one path concerns that path only. Calls may overlap.
/// </summary>
internal sealed class UpstreamCache(UpstreamAddress address, UpstreamHttp http, TimeProvider time, ServerMetrics metrics, ILogger logger)
{
    private const int NarInfoBytesMax = 4 << 20;

    /// <summary>Beyond that, those longest unused are forgotten: nothing is lost but time.</summary>
    private const int RememberedMax = 50_000;

    private static readonly TimeSpan RestFor = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan RestMax = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan RememberedFor = TimeSpan.FromMinutes(5);

    /// <summary>Short, because a client may be uploading what others wait for.</summary>
    private static readonly TimeSpan AbsenceRememberedFor = TimeSpan.FromSeconds(5);

    /// <summary>A path that cannot be used is not fetched over and over.</summary>
    private static readonly TimeSpan FailureRememberedFor = TimeSpan.FromSeconds(30);

    private readonly FastConcurrentLru<(string HashPart, string Directory), Remembered> _remembered = new(RememberedMax);
    private readonly ConcurrentDictionary<string, bool> _directories = new(StringComparer.Ordinal);
    private readonly ConcurrencyLimiter _questions = Limiters.Waiting(QuestionsMax);
    private long _restsUntil = long.MinValue;
    private int _isResting;

    /// <summary>Questions to one cache at the same time, over all stores and doors.</summary>
    public const int QuestionsMax = 32;

    /// <summary>Its address as people may see it.</summary>
    public string Url => address.Text;

    /// <summary>Whether it could not be reached lately.</summary>
    public bool IsResting => time.GetTimestamp() < Volatile.Read(ref _restsUntil);

    /// <summary>Takes note of what went wrong with a path. Only a cache that cannot be reached rests, which the log says once.</summary>
    public async Task FailAsync(string hashPart, StoreDirectory directory, UpstreamException failure, CancellationToken cancellation)
    {
        metrics.OnUpstreamFailed();

        // A connection that breaks off may be the fault of one file, or of something between here and it: the cache itself is asked.
        if (failure.Fault != UpstreamFault.Path && (failure.RetryAfter > TimeSpan.Zero || !await http.AnswersAsync(address, cancellation).ConfigureAwait(false)))
        {
            var rest = failure.RetryAfter is { } wanted && wanted > TimeSpan.Zero ? (wanted < RestMax ? wanted : RestMax) : RestFor;
            Volatile.Write(ref _restsUntil, time.GetTimestamp() + (long)(rest.TotalSeconds * time.TimestampFrequency));
            if (Interlocked.Exchange(ref _isResting, 1) == 0)
            {
                logger.UpstreamRests(Url, (int)rest.TotalSeconds, failure.Message);
            }

            return;
        }

        var known = _remembered.TryGet((hashPart, directory.Path), out var before) && before.Failure == failure.Message && IsFresh(before);
        Remember(hashPart, directory, new Remembered(time.GetTimestamp(), null, failure.Message));
        if (!known)
        {
            logger.UpstreamPathUnusable(Url, hashPart, failure.Message);
        }
    }

    /// <summary>What the cache says of a path; null where it does not have it.</summary>
    /// <exception cref="UpstreamException">It does not answer as a binary cache of that store directory does.</exception>
    public async Task<NarInfo?> FindAsync(string hashPart, StoreDirectory directory, CancellationToken cancellation)
    {
        if (_remembered.TryGet((hashPart, directory.Path), out var known) && IsFresh(known))
        {
            return known.Failure is null ? known.Info : throw new UpstreamException(known.Failure);
        }

        using var turn = await _questions.AcquireAsync(cancellationToken: cancellation).ConfigureAwait(false);
        await CheckDirectoryAsync(directory, cancellation).ConfigureAwait(false);
        var text = await GetTextAsync(hashPart + ".narinfo", cancellation).ConfigureAwait(false);
        var info = text is null ? null : Parse(text, hashPart, directory);
        Remember(hashPart, directory, new Remembered(time.GetTimestamp(), info, null));
        if (Interlocked.Exchange(ref _isResting, 0) == 1)
        {
            logger.UpstreamBack(Url);
        }

        return info;
    }

    /// <summary>Opens the compressed NAR of a path. The stream gives up by itself when the cache is too slow.</summary>
    /// <exception cref="UpstreamException">It cannot be had. Reading may throw it too.</exception>
    public async Task<Stream> OpenNarAsync(NarInfo info, CancellationToken cancellation)
    {
        // A cache may have its NARs elsewhere; where that may be is the same as for a redirect.
        if (!Uri.TryCreate(address.Root, info.Url, out var file) || file.Scheme is not ("http" or "https")
            || (address.Root.Scheme == Uri.UriSchemeHttps && file.Scheme != Uri.UriSchemeHttps))
        {
            throw new UpstreamException($"it has the NAR of {info.Info.Path} at {UpstreamAddress.Hide(info.Url)}, which is not followed");
        }

        var response = await http.OpenAsync(address, file, cancellation).ConfigureAwait(false);
        try
        {
            var body = UpstreamHttp.Decode(response.Content, await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false));
            return new UpstreamDownload(body, response);
        }
        catch
        {
            response.Dispose();
            throw;
        }
    }

    private bool IsFresh(Remembered known) => time.GetElapsedTime(known.Since)
        < (known.Failure is not null ? FailureRememberedFor : known.Info is null ? AbsenceRememberedFor : RememberedFor);

    private void Remember(string hashPart, StoreDirectory directory, Remembered what) =>
        _remembered.AddOrUpdate((hashPart, directory.Path), what);

    private async Task CheckDirectoryAsync(StoreDirectory directory, CancellationToken cancellation)
    {
        if (_directories.ContainsKey(directory.Path))
        {
            return;
        }

        const string Key = "StoreDir:";
        var text = await GetTextAsync("nix-cache-info", cancellation).ConfigureAwait(false) ?? throw new UpstreamException("it has no nix-cache-info");
        var found = text.Split('\n').FirstOrDefault(line => line.StartsWith(Key, StringComparison.Ordinal))?[Key.Length..].Trim();
        if (found is not null && found != directory.Path)
        {
            throw new UpstreamException($"its store directory is {found}, not {directory.Path}");
        }

        _directories[directory.Path] = true;
    }

    private static NarInfo Parse(string text, string hashPart, StoreDirectory directory)
    {
        NarInfo info;
        try
        {
            info = NarInfo.Parse(text, directory);
        }
        catch (FormatException e)
        {
            throw new UpstreamException($"its narinfo of {hashPart} cannot be read: {e.Message.TrimEnd('.')}", UpstreamFault.Path, e);
        }

        return info.Info.Path.HashPart == hashPart ? info : throw new UpstreamException($"it answers for {info.Info.Path} when asked for {hashPart}");
    }

    private async Task<string?> GetTextAsync(string name, CancellationToken cancellation)
    {
        var answer = await http.GetFileAsync(address, new Uri(address.Root, name), NarInfoBytesMax, cancellation).ConfigureAwait(false);
        return answer.Status switch
        {
            HttpStatusCode.OK => Encoding.UTF8.GetString(answer.Body),

            // Some object stores say "forbidden" of what is not there.
            HttpStatusCode.NotFound or HttpStatusCode.Forbidden or HttpStatusCode.Gone => null,
            HttpStatusCode.Unauthorized or HttpStatusCode.ProxyAuthenticationRequired => throw new UpstreamException(
                $"{name} is answered with status {(int)answer.Status}: give a user and password in the URL, or in the file of 'serve --netrc-file'"),
            _ => throw new UpstreamException($"{name} is answered with status {(int)answer.Status}"),
        };
    }

    /// <param name="Since">When it was asked.</param>
    /// <param name="Info">What it said; null where it does not have the path.</param>
    /// <param name="Failure">Why the path cannot be used.</param>
    private sealed record Remembered(long Since, NarInfo? Info, string? Failure);
}
