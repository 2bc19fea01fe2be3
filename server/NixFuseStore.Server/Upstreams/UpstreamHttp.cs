using System.Net;
using System.Net.Sockets;
using NixFuseStore.Nix.BinaryCaches;
using NixFuseStore.Server.Ingest;
using Polly;
using Polly.Retry;

namespace NixFuseStore.Server.Upstreams;

/// <summary>
/// Requests to upstream caches: with credentials, through the proxy of the environment, with retries, and with redirects that lead nowhere
/// but to other caches. Calls may overlap.
/// </summary>
internal sealed class UpstreamHttp : IDisposable
{
    private const int RedirectsMax = 5;
    private const int AttemptsMax = 5;

    /// <summary>Attempts where nothing answers in time: each takes long enough.</summary>
    private const int LateAttemptsMax = 2;

    private const int PieceBytes = 16 << 10;

    /// <summary>A cache that asks for more patience is not waited for.</summary>
    private static readonly TimeSpan RetryAfterMax = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan AnswerWithin = TimeSpan.FromSeconds(10);

    private readonly NetrcFile _netrc;
    private readonly HttpClient _anywhere;
    private readonly HttpClient _publicOnly;
    private readonly ResiliencePipeline<UpstreamAnswer> _retries;

    /// <param name="netrc">Users by host.</param>
    /// <param name="proxy">The way out.</param>
    /// <param name="time">The clock of retries.</param>
    public UpstreamHttp(NetrcFile netrc, IWebProxy proxy, TimeProvider time)
    {
        _netrc = netrc;
        _anywhere = NewClient(proxy, connect: null);
        _publicOnly = NewClient(proxy, ConnectPubliclyAsync);
        _retries = new ResiliencePipelineBuilder<UpstreamAnswer> { TimeProvider = time }
            .AddRetry(new RetryStrategyOptions<UpstreamAnswer>
            {
                MaxRetryAttempts = AttemptsMax - 1,
                BackoffType = DelayBackoffType.Exponential,
                Delay = TimeSpan.FromMilliseconds(250),
                MaxDelay = RetryAfterMax,
                UseJitter = true,
                ShouldHandle = static arguments => ValueTask.FromResult(IsWorthAnotherAttempt(arguments.Outcome, arguments.AttemptNumber)),
                DelayGenerator = static arguments => ValueTask.FromResult(RetryAfterOf(arguments.Outcome)),
            })
            .Build();
    }

    /// <summary>Asks for a small file, again where the cache or the way to it fails for a moment.</summary>
    /// <param name="upstream">The cache.</param>
    /// <param name="address">The file's.</param>
    /// <param name="bytesMax">The file may not be longer, as it comes and as it is.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="UpstreamException">No attempt brought an answer that says something.</exception>
    public async Task<UpstreamAnswer> GetFileAsync(UpstreamAddress upstream, Uri address, int bytesMax, CancellationToken cancellation) =>
        Final(await _retries.ExecuteAsync(
            async token => await GetFileOnceAsync(upstream, address, bytesMax, token).ConfigureAwait(false), cancellation).ConfigureAwait(false), address);

    /// <summary>Whether the cache answers at all, asked once.</summary>
    public async Task<bool> AnswersAsync(UpstreamAddress upstream, CancellationToken cancellation)
    {
        try
        {
            var answer = await GetFileOnceAsync(upstream, new Uri(upstream.Root, "nix-cache-info"), 64 << 10, cancellation).ConfigureAwait(false);
            return !IsTransient(answer.Status);
        }
        catch (UpstreamException)
        {
            return false;
        }
    }

    /// <summary>Opens a large file; the response is the caller's.</summary>
    /// <exception cref="UpstreamException">No attempt brought it.</exception>
    public async Task<HttpResponseMessage> OpenAsync(UpstreamAddress upstream, Uri address, CancellationToken cancellation)
    {
        var answer = Final(await _retries.ExecuteAsync(
            async token =>
            {
                var response = await SendAsync(upstream, address, encodings: null, token).ConfigureAwait(false);
                if (response.IsSuccessStatusCode)
                {
                    return new UpstreamAnswer(response.StatusCode, [], null, response);
                }

                var (status, after) = (response.StatusCode, RetryAfterOf(response));
                response.Dispose();
                return new UpstreamAnswer(status, [], after, null);
            },
            cancellation).ConfigureAwait(false), address);
        return answer.Response ?? throw new UpstreamException($"{UpstreamAddress.Hide(address.AbsoluteUri)} is answered with status {(int)answer.Status}");
    }

    /// <summary>The plain bytes of a response, whatever its <c>Content-Encoding</c>.</summary>
    /// <exception cref="UpstreamException">It is encoded in an unknown way.</exception>
    public static Stream Decode(HttpContent content, Stream body)
    {
        foreach (var encoding in content.Headers.ContentEncoding.Reverse())
        {
            body = encoding.ToLowerInvariant() switch
            {
                "identity" or "none" => body,
                "x-gzip" => CompressionStreams.OpenReader(NarCompression.Gzip, body),
                "deflate" => new System.IO.Compression.ZLibStream(body, System.IO.Compression.CompressionMode.Decompress),
                var name => NarCompressions.TryParse(name, out var compression)
                    ? CompressionStreams.OpenReader(compression.Value, body)
                    : throw new UpstreamException($"it answers with the content encoding '{name}', which is not known here"),
            };
        }

        return body;
    }

    public void Dispose()
    {
        _anywhere.Dispose();
        _publicOnly.Dispose();
    }

    private static HttpClient NewClient(IWebProxy proxy, Func<SocketsHttpConnectionContext, CancellationToken, ValueTask<Stream>>? connect) => new(new SocketsHttpHandler
    {
        ConnectTimeout = TimeSpan.FromSeconds(5),
        PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        MaxConnectionsPerServer = 16,
        AllowAutoRedirect = false,
        UseCookies = false,
        Proxy = proxy,
        ConnectCallback = connect,
    })
    {
        // Every request has bounds of its own.
        Timeout = Timeout.InfiniteTimeSpan,
        DefaultRequestVersion = HttpVersion.Version20,
        DefaultVersionPolicy = HttpVersionPolicy.RequestVersionOrLower,
    };

    /// <summary>Connects to addresses that mean the same everywhere. Checked here, because a name may have another address a moment later.</summary>
    private static async ValueTask<Stream> ConnectPubliclyAsync(SocketsHttpConnectionContext context, CancellationToken cancellation)
    {
        var host = context.DnsEndPoint.Host;
        var addresses = await Dns.GetHostAddressesAsync(host, cancellation).ConfigureAwait(false);
        var isProxy = !string.Equals(context.InitialRequestMessage.RequestUri!.IdnHost, host, StringComparison.OrdinalIgnoreCase);
        var allowed = isProxy ? addresses : Array.FindAll(addresses, address => !PrivateAddresses.Contains(address));
        if (allowed.Length == 0)
        {
            throw new UpstreamException($"it redirects to {host}, which is an address of this server's own network");
        }

        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(allowed, context.DnsEndPoint.Port, cancellation).ConfigureAwait(false);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private async Task<UpstreamAnswer> GetFileOnceAsync(UpstreamAddress upstream, Uri address, int bytesMax, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(AnswerWithin);
        try
        {
            using var response = await SendAsync(upstream, address, "zstd, br, gzip", limit.Token).ConfigureAwait(false);
            if (!response.IsSuccessStatusCode)
            {
                return new UpstreamAnswer(response.StatusCode, [], RetryAfterOf(response), null);
            }

            await response.Content.LoadIntoBufferAsync(bytesMax, limit.Token).ConfigureAwait(false);
            var body = Decode(response.Content, await response.Content.ReadAsStreamAsync(limit.Token).ConfigureAwait(false));
            await using (body.ConfigureAwait(false))
            {
                var text = new MemoryStream();
                var piece = new byte[PieceBytes];
                for (int length; (length = await body.ReadAsync(piece, limit.Token).ConfigureAwait(false)) > 0;)
                {
                    text.Write(piece, 0, length);
                    if (text.Length > bytesMax)
                    {
                        throw new UpstreamException($"{UpstreamAddress.Hide(address.AbsoluteUri)} has more than {bytesMax} bytes");
                    }
                }

                return new UpstreamAnswer(response.StatusCode, text.ToArray(), null, null);
            }
        }
        catch (InvalidDataException e)
        {
            throw new UpstreamException($"{UpstreamAddress.Hide(address.AbsoluteUri)} cannot be decoded: {e.Message.TrimEnd('.')}", UpstreamFault.Path, e);
        }
        catch (HttpRequestException e)
        {
            throw Failed(e);
        }
        catch (OperationCanceledException e) when (!cancellation.IsCancellationRequested)
        {
            throw Late(e);
        }
    }

    /// <summary>Sends a request and follows redirects, until there are headers of another answer.</summary>
    private async Task<HttpResponseMessage> SendAsync(UpstreamAddress upstream, Uri address, string? encodings, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(AnswerWithin);
        try
        {
            bool? isPrivate = null;
            for (var redirects = 0; ; redirects++)
            {
                // 1. A cache that is in this network itself may lead to others in it; one that is not may not.
                var isElsewhere = !IsAt(upstream.Root, address);
                if (isElsewhere)
                {
                    isPrivate ??= await PrivateAddresses.ContainsAsync(upstream.Root.IdnHost, limit.Token).ConfigureAwait(false);
                    if (isPrivate == false && IPAddress.TryParse(address.Host.Trim('[', ']'), out var literal) && PrivateAddresses.Contains(literal))
                    {
                        throw new UpstreamException($"it leads to {address.Host}, which is an address of this server's own network");
                    }
                }

                // 2. Credentials are for the cache itself.
                using var request = new HttpRequestMessage(HttpMethod.Get, address) { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionOrLower };
                if (!isElsewhere && Credentials(upstream) is var (user, password))
                {
                    request.Headers.Authorization = UpstreamAddress.Basic(user, password);
                }

                if (encodings is not null)
                {
                    request.Headers.TryAddWithoutValidation("Accept-Encoding", encodings);
                }

                var client = isElsewhere && isPrivate == false ? _publicOnly : _anywhere;
                var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token).ConfigureAwait(false);

                // 3. Where to look instead.
                if ((int)response.StatusCode is not (301 or 302 or 303 or 307 or 308) || response.Headers.Location is not { } location)
                {
                    return response;
                }

                response.Dispose();
                var next = new Uri(address, location);
                if (next.Scheme is not ("http" or "https") || (address.Scheme == Uri.UriSchemeHttps && next.Scheme != Uri.UriSchemeHttps))
                {
                    throw new UpstreamException($"it redirects from {address.Scheme} to {next.Scheme}, which is not followed");
                }

                address = redirects < RedirectsMax ? next : throw new UpstreamException($"it redirects more than {RedirectsMax} times");
            }
        }
        catch (HttpRequestException e)
        {
            throw (e.InnerException as UpstreamException) ?? Failed(e);
        }
        catch (OperationCanceledException e) when (!cancellation.IsCancellationRequested)
        {
            throw Late(e);
        }
    }

    private (string User, string Password)? Credentials(UpstreamAddress upstream) => upstream.User is { } user
        ? (user, upstream.Password ?? "")
        : _netrc.Current.TryFind(upstream.Root.IdnHost, out var login, out var password) ? (login, password) : null;

    private static bool IsAt(Uri root, Uri address) =>
        address.GetLeftPart(UriPartial.Authority).Equals(root.GetLeftPart(UriPartial.Authority), StringComparison.OrdinalIgnoreCase);

    private static UpstreamException Failed(HttpRequestException e) =>
        new(e.InnerException is null or SocketException ? e.Message : $"{e.Message.TrimEnd('.')}: {e.InnerException.Message}", UpstreamFault.Cache, e);

    private static UpstreamException Late(Exception e) => new($"it did not answer within {AnswerWithin.TotalSeconds:F0} s", UpstreamFault.Cache, e);

    private static UpstreamAnswer Final(UpstreamAnswer answer, Uri address) => IsTransient(answer.Status)
        ? throw new UpstreamException($"{UpstreamAddress.Hide(address.AbsoluteUri)} is answered with status {(int)answer.Status}", UpstreamFault.Cache) { RetryAfter = answer.RetryAfter }
        : answer;

    private static bool IsTransient(HttpStatusCode status) => (int)status is 408 or 425 or 429 or 500 or 502 or 503 or 504;

    /// <param name="outcome">What became of an attempt.</param>
    /// <param name="attempt">Its number, from 0 on.</param>
    private static bool IsWorthAnotherAttempt(Outcome<UpstreamAnswer> outcome, int attempt) => outcome.Exception is { } e
        ? e is UpstreamException { Fault: UpstreamFault.Cache, InnerException: not HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError } }
            && (e.InnerException is not OperationCanceledException || attempt < LateAttemptsMax - 1)
        : IsTransient(outcome.Result!.Status) && (outcome.Result.RetryAfter ?? TimeSpan.Zero) <= RetryAfterMax;

    private static TimeSpan? RetryAfterOf(Outcome<UpstreamAnswer> outcome) => outcome.Result?.RetryAfter;

    private static TimeSpan? RetryAfterOf(HttpResponseMessage response) => response.Headers.RetryAfter switch
    {
        { Delta: { } delta } => delta,
        { Date: { } date } => date - DateTimeOffset.UtcNow is var left && left > TimeSpan.Zero ? left : TimeSpan.Zero,
        _ => null,
    };
}

/// <summary>What an upstream cache answered.</summary>
/// <param name="Status">The status.</param>
/// <param name="Body">The decoded bytes of a small file.</param>
/// <param name="RetryAfter">How long it wants to be left alone, if it says so.</param>
/// <param name="Response">The open response of a large file.</param>
internal sealed record UpstreamAnswer(HttpStatusCode Status, byte[] Body, TimeSpan? RetryAfter, HttpResponseMessage? Response);
