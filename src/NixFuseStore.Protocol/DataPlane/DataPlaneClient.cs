using System.Net;
using Google.Protobuf;
using Grpc.Core;
using NixFuseStore.Protocol.Connections;

namespace NixFuseStore.Protocol.DataPlane;

/// <summary>
/// Moves chunks over a few kept-alive HTTP/1.1 connections; see <c>data.proto</c>. Connects when first used.
/// All members may be called on any thread at once; at most <see cref="TransportOptions.DataConnectionsMax"/> requests run, others wait.
/// </summary>
/// <remarks>Every failure is a <see cref="DataPlaneException"/>, except that the caller's own cancellation is an <see cref="OperationCanceledException"/>.</remarks>
public sealed class DataPlaneClient : IDisposable
{
    /// <summary>How much of an error's text is shown.</summary>
    private const int ErrorBytesMax = 1024;

    private readonly TransportOptions _options;
    private readonly HttpMessageInvoker _http;

    /// <summary>Makes the client without connecting.</summary>
    public DataPlaneClient(TransportOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options;
        _http = new HttpMessageInvoker(HttpTransport.Create(options));
    }

    /// <summary>Asks for chunks of any number of manifests. They arrive in the order asked for.</summary>
    /// <param name="store">The store's name.</param>
    /// <param name="request">Manifests and ranges of ordinals.</param>
    /// <param name="cancellation">Ends the wait for the response; reading takes its own.</param>
    /// <returns>The frames, to be disposed. Only a stream that was read to its end leaves its connection to the next request.</returns>
    public async Task<ChunkFrameReader> ReadChunksAsync(string store, ReadChunksRequest request, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(request);
        var response = await SendAsync(store, "/chunks/read", new ByteArrayContent(request.ToByteArray()), cancellation).ConfigureAwait(false);
        try
        {
            return new ChunkFrameReader(response, await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false), _options);
        }
        catch (Exception e)
        {
            response.Dispose();
            throw Translate(e, _options, cancellation);
        }
    }

    /// <summary>Sends chunks, as many as <paramref name="produce"/> writes, with memory for one chunk.</summary>
    /// <param name="store">The store's name.</param>
    /// <param name="produce">Writes the chunks and returns when there are no more. May be called a second time from the start where a kept-alive connection turned out to be dead.</param>
    /// <param name="cancellation">Aborts the request; what the server has stored stays stored.</param>
    public async Task<UploadChunksResponse> UploadChunksAsync(
        string store, Func<UploadFrameWriter, CancellationToken, Task> produce, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(produce);
        return await UploadAsync(
            store, "/chunks", (stream, token) => WriteChunksAsync(stream, produce, token), null, UploadChunksResponse.Parser, cancellation).ConfigureAwait(false);
    }

    /// <summary>Sends a NAR, which the server blanks and cuts. Nothing is registered.</summary>
    /// <param name="store">The store's name.</param>
    /// <param name="write">Writes the NAR. May be called a second time from the start where a kept-alive connection turned out to be dead.</param>
    /// <param name="bytes">How many bytes it will write, where that is known.</param>
    /// <param name="cancellation">Aborts the request; what the server has stored stays stored.</param>
    public async Task<UploadNarResponse> UploadNarAsync(
        string store, Func<Stream, CancellationToken, Task> write, ulong? bytes, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(write);
        return await UploadAsync(store, "/nars", write, bytes, UploadNarResponse.Parser, cancellation).ConfigureAwait(false);
    }

    /// <summary>Closes the connections.</summary>
    public void Dispose() => _http.Dispose();

    private static async Task WriteChunksAsync(
        Stream stream, Func<UploadFrameWriter, CancellationToken, Task> produce, CancellationToken cancellation)
    {
        var writer = new UploadFrameWriter(stream);
        try
        {
            await produce(writer, cancellation).ConfigureAwait(false);
            await writer.FlushAsync(cancellation).ConfigureAwait(false);
        }
        finally
        {
            writer.Return();
        }
    }

    private async Task<TAnswer> UploadAsync<TAnswer>(
        string store,
        string operation,
        Func<Stream, CancellationToken, Task> write,
        ulong? bytes,
        MessageParser<TAnswer> parser,
        CancellationToken cancellation)
        where TAnswer : IMessage<TAnswer>
    {
        using var progress = new UploadProgress(_options.UploadTakenWithin, cancellation);
        async Task WriteAsync(Stream stream, CancellationToken token)
        {
            await write(progress.Watch(stream), token).ConfigureAwait(false);
            progress.OnSent();
        }

        try
        {
            return await PostAsync(store, operation, new UploadContent(WriteAsync, bytes), parser, progress.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (progress.IsLate && e is not DataPlaneException)
        {
            throw new DataPlaneException(
                StatusCode.Unavailable, $"{_options.Address} took nothing of an upload for {_options.UploadTakenWithin.TotalSeconds:F0} s, or did not answer it", e);
        }
    }

    private async Task<TAnswer> PostAsync<TAnswer>(
        string store, string operation, HttpContent content, MessageParser<TAnswer> parser, CancellationToken cancellation)
        where TAnswer : IMessage<TAnswer>
    {
        using var response = await SendAsync(store, operation, content, cancellation).ConfigureAwait(false);
        try
        {
            return parser.ParseFrom(await response.Content.ReadAsByteArrayAsync(cancellation).ConfigureAwait(false));
        }
        catch (Exception e)
        {
            throw Translate(e, _options, cancellation);
        }
    }

    private async Task<HttpResponseMessage> SendAsync(string store, string operation, HttpContent content, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(_options.Address, "/data/v1/" + Uri.EscapeDataString(store) + operation))
        {
            Content = content,
            Version = HttpVersion.Version11,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        HttpTransport.Authorize(request.Headers, _options);
        HttpResponseMessage response;
        try
        {
            response = await _http.SendAsync(request, cancellation).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            throw Translate(e, _options, cancellation);
        }

        if (response.StatusCode == HttpStatusCode.OK)
        {
            return response;
        }

        using (response)
        {
            throw await ErrorAsync(response, cancellation).ConfigureAwait(false);
        }
    }

    private async Task<DataPlaneException> ErrorAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        var code = (int)response.StatusCode switch
        {
            400 => StatusCode.InvalidArgument,
            401 => StatusCode.Unauthenticated,
            403 => StatusCode.PermissionDenied,
            404 => StatusCode.NotFound,
            409 => StatusCode.FailedPrecondition,
            413 or 507 => StatusCode.ResourceExhausted,
            408 or 429 or 502 or 503 or 504 => StatusCode.Unavailable,
            _ => StatusCode.Internal,
        };
        var text = new byte[ErrorBytesMax];
        var length = 0;
        try
        {
            using var body = await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
            length = await body.ReadAtLeastAsync(text, text.Length, throwOnEndOfStream: false, cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            // The status alone says enough.
        }

        var detail = TransportFailure.Clean(System.Text.Encoding.UTF8.GetString(text, 0, length).Trim());
        return new DataPlaneException(code, detail.Length > 0 ? detail : $"{_options.Address} answered with HTTP status {(int)response.StatusCode}");
    }

    /// <summary>The caller's own cancellation stays what it is, however it shows; everything else becomes a status.</summary>
    internal static Exception Translate(Exception exception, TransportOptions options, CancellationToken cancellation)
    {
        if (cancellation.IsCancellationRequested)
        {
            return exception is OperationCanceledException ? exception : new OperationCanceledException(exception.Message, exception, cancellation);
        }

        // What produces an upload may have failed for reasons of its own, which surface wrapped or not.
        for (var e = exception; e is not null; e = e.InnerException)
        {
            if (e is DataPlaneException known)
            {
                return known;
            }
        }

        return exception switch
        {
            // No caller cancelled: the handler's own bound of connecting.
            OperationCanceledException => new DataPlaneException(StatusCode.Unavailable, TransportFailure.DescribeTimeout(options), exception),
            _ when TransportFailure.IsOne(exception) =>
                new DataPlaneException(StatusCode.Unavailable, TransportFailure.Describe(exception, options), exception),
            _ => new DataPlaneException(StatusCode.Internal, $"{options.Address.Authority}: {exception.Message}", exception),
        };
    }
}
