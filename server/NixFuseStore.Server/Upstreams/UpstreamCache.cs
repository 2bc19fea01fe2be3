using System.Collections.Concurrent;
using System.Net;
using Microsoft.Extensions.Logging;
using NixFuseStore.Nix;
using NixFuseStore.Nix.BinaryCaches;
using NixFuseStore.Server.Hosting;

namespace NixFuseStore.Server.Upstreams;

/// <summary>
/// An upstream binary cache over HTTP. Nothing that it says is believed here. Once it fails it is left out for a while, so that a dead
/// or slow one costs its time-out once and not with every path. Calls may overlap.
/// </summary>
internal sealed class UpstreamCache(string url, HttpClient http, TimeProvider time, ILogger logger)
{
    private const int NarInfoBytesMax = 4 << 20;

    /// <summary>When there are more, all are forgotten: nothing is lost but time.</summary>
    private const int RememberedMax = 50_000;

    private static readonly TimeSpan AnswerWithin = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LeftOutFor = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan RememberedFor = TimeSpan.FromMinutes(5);

    /// <summary>Short, because somebody may be uploading what others wait for.</summary>
    private static readonly TimeSpan AbsenceRememberedFor = TimeSpan.FromSeconds(5);

    private readonly Uri _root = new(url + "/");
    private readonly ConcurrentDictionary<(string HashPart, string Directory), (long Since, NarInfo? Info)> _remembered = new();
    private readonly ConcurrentDictionary<string, bool> _directories = new(StringComparer.Ordinal);
    private long _leftOutUntil = long.MinValue;
    private int _isFailing;

    public string Url => url;

    /// <summary>Whether it failed lately.</summary>
    public bool IsLeftOut => time.GetTimestamp() < Volatile.Read(ref _leftOutUntil);

    /// <summary>Leaves it out for a while. The log has the first failure of a row.</summary>
    public void Fail(string reason)
    {
        Volatile.Write(ref _leftOutUntil, time.GetTimestamp() + (long)(LeftOutFor.TotalSeconds * time.TimestampFrequency));
        _remembered.Clear();
        if (Interlocked.Exchange(ref _isFailing, 1) == 0)
        {
            logger.UpstreamFailed(url, (int)LeftOutFor.TotalSeconds, reason);
        }
    }

    /// <summary>What the cache says of a path; null where it does not have it.</summary>
    /// <exception cref="UpstreamException">It does not answer as a binary cache of that store directory does.</exception>
    public async Task<NarInfo?> FindAsync(string hashPart, StoreDirectory directory, CancellationToken cancellation)
    {
        var key = (hashPart, directory.Path);
        if (_remembered.TryGetValue(key, out var known) && time.GetElapsedTime(known.Since) < (known.Info is null ? AbsenceRememberedFor : RememberedFor))
        {
            return known.Info;
        }

        await CheckDirectoryAsync(directory, cancellation).ConfigureAwait(false);
        var text = await GetTextAsync(hashPart + ".narinfo", cancellation).ConfigureAwait(false);
        var info = text is null ? null : Parse(text, hashPart, directory);
        if (_remembered.Count >= RememberedMax)
        {
            _remembered.Clear();
        }

        _remembered[key] = (time.GetTimestamp(), info);
        if (Interlocked.Exchange(ref _isFailing, 0) == 1)
        {
            logger.UpstreamBack(url);
        }

        return info;
    }

    /// <summary>Opens the compressed NAR of a path. The stream gives up by itself when the cache is too slow.</summary>
    /// <exception cref="UpstreamException">It cannot be had. Reading may throw it too.</exception>
    public async Task<Stream> OpenNarAsync(NarInfo info, CancellationToken cancellation)
    {
        // A cache may not send this server elsewhere, such as into the network that it stands in.
        if (!Uri.TryCreate(_root, info.Url, out var address) || address.GetLeftPart(UriPartial.Authority) != _root.GetLeftPart(UriPartial.Authority))
        {
            throw new UpstreamException($"it has the NAR of {info.Info.Path} at {info.Url}, which is not within it");
        }

        var response = await SendAsync(address, cancellation).ConfigureAwait(false);
        if (!response.IsSuccessStatusCode)
        {
            response.Dispose();
            throw new UpstreamException($"{address} is answered with status {(int)response.StatusCode}");
        }

        return new UpstreamDownload(await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false), response);
    }

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
            throw new UpstreamException($"its narinfo of {hashPart} cannot be read: {e.Message.TrimEnd('.')}", e);
        }

        return info.Info.Path.HashPart == hashPart ? info : throw new UpstreamException($"it answers for {info.Info.Path} when asked for {hashPart}");
    }

    private async Task<string?> GetTextAsync(string name, CancellationToken cancellation)
    {
        using var response = await SendAsync(new Uri(_root, name), cancellation).ConfigureAwait(false);
        if (response.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.Forbidden or HttpStatusCode.Gone)
        {
            // Some object stores say "forbidden" of what is not there.
            return null;
        }

        return response.IsSuccessStatusCode
            ? await LimitAsync(
                async token =>
                {
                    await response.Content.LoadIntoBufferAsync(NarInfoBytesMax, token).ConfigureAwait(false);
                    return await response.Content.ReadAsStringAsync(token).ConfigureAwait(false);
                },
                cancellation).ConfigureAwait(false)
            : throw new UpstreamException($"{name} is answered with status {(int)response.StatusCode}");
    }

    private Task<HttpResponseMessage> SendAsync(Uri address, CancellationToken cancellation) =>
        LimitAsync(token => http.GetAsync(address, HttpCompletionOption.ResponseHeadersRead, token), cancellation);

    private static async Task<T> LimitAsync<T>(Func<CancellationToken, Task<T>> action, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(AnswerWithin);
        try
        {
            return await action(limit.Token).ConfigureAwait(false);
        }
        catch (HttpRequestException e)
        {
            throw new UpstreamException(e.Message, e);
        }
        catch (OperationCanceledException e) when (!cancellation.IsCancellationRequested)
        {
            throw new UpstreamException($"it did not answer within {AnswerWithin.TotalSeconds:F0} s", e);
        }
    }
}
