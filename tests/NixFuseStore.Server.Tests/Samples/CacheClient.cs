using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using NixFuseStore.Native.Compression;
using NixFuseStore.Nix;
using NixFuseStore.Nix.BinaryCaches;
using Xunit;

namespace NixFuseStore.Server.Tests.Samples;

/// <summary>Speaks to a store's binary cache as Nix does.</summary>
internal sealed class CacheClient : IDisposable
{
    private readonly HttpClient _http;

    public CacheClient(TestServer server, string store = "main", AuthenticationHeaderValue? authorization = null)
    {
        // Stock Nix speaks HTTP/2 wherever there is TLS.
        var isTls = server.Address.Scheme == Uri.UriSchemeHttps;
        _http = new HttpClient(new SocketsHttpHandler { SslOptions = { RemoteCertificateValidationCallback = (_, certificate, _, _) => server.IsItsOwn(certificate) } })
        {
            BaseAddress = new Uri(server.Address, store + "/"),
            DefaultRequestVersion = isTls ? HttpVersion.Version20 : HttpVersion.Version11,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        _http.DefaultRequestHeaders.Authorization = authorization;
    }

    public async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, HttpContent? content = null, RangeHeaderValue? range = null)
    {
        using var request = NewRequest(method, path, content);
        request.Headers.Range = range;
        var response = await _http.SendAsync(request, HttpCompletionOption.ResponseContentRead, TestServer.Cancellation);
        Assert.Equal(_http.DefaultRequestVersion, response.Version);
        return response;
    }

    /// <summary>Sends a request and reads no more of the answer than its head.</summary>
    public async Task<HttpResponseMessage> StartAsync(HttpMethod method, string path, HttpContent? content, CancellationToken cancellation)
    {
        using var request = NewRequest(method, path, content);
        return await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation);
    }

    public async Task<(HttpStatusCode Status, byte[] Body)> GetAsync(string path)
    {
        using var response = await SendAsync(HttpMethod.Get, path);
        return (response.StatusCode, await response.Content.ReadAsByteArrayAsync(TestServer.Cancellation));
    }

    public async Task<HttpStatusCode> HeadAsync(string path)
    {
        using var response = await SendAsync(HttpMethod.Head, path);
        return response.StatusCode;
    }

    /// <summary>The status, and the line that says what was wrong.</summary>
    public async Task<(HttpStatusCode Status, string Line)> PutAsync(string path, byte[] body)
    {
        using var response = await SendAsync(HttpMethod.Put, path, new ByteArrayContent(body));
        var text = await response.Content.ReadAsStringAsync(TestServer.Cancellation);
        Assert.True(text.Length == 0 || text.IndexOf('\n', StringComparison.Ordinal) == text.Length - 1, text);
        Assert.DoesNotContain("   at ", text, StringComparison.Ordinal);
        return (response.StatusCode, text.TrimEnd());
    }

    public Task<(HttpStatusCode Status, string Line)> PutAsync(string path, string text) => PutAsync(path, Encoding.UTF8.GetBytes(text));

    public async Task<NarInfo> GetNarInfoAsync(StorePath path)
    {
        var (status, body) = await GetAsync(path.HashPart + ".narinfo");
        Assert.Equal(HttpStatusCode.OK, status);
        return NarInfo.Parse(Encoding.UTF8.GetString(body), StoreDirectory.Default);
    }

    /// <summary>Uploads NAR and .narinfo.</summary>
    /// <returns>The file's name, and what became of the second.</returns>
    public async Task<(string Url, HttpStatusCode Status, string Line)> UploadAsync(SamplePath path, NarCompression compression, Func<NarInfo, NarInfo>? change = null)
    {
        var file = Compress(compression, path.ToNar());
        var url = NameOf(file, compression);
        Assert.Equal((HttpStatusCode.NoContent, ""), await PutAsync(url, file));
        var info = NarInfoOf(path, file, compression);
        var (status, line) = await PutAsync(path.Path.HashPart + ".narinfo", (change?.Invoke(info) ?? info).Print(StoreDirectory.Default));
        return (url, status, line);
    }

    public static NarInfo NarInfoOf(SamplePath path, byte[] file, NarCompression compression) => new()
    {
        Info = new PathInfo { Path = path.Path, NarHash = path.NarHash, NarSize = path.NarSize, References = path.References },
        Url = NameOf(file, compression),
        Compression = NarCompressions.NameOf(compression),
        FileHash = new NixHash(NixHashAlgorithm.Sha256, SHA256.HashData(file)),
        FileSize = (ulong)file.Length,
    };

    public static string NameOf(byte[] file, NarCompression compression) =>
        $"nar/{NixBase32.Encode(SHA256.HashData(file))}.nar" + compression switch
        {
            NarCompression.Xz => ".xz",
            NarCompression.Bzip2 => ".bz2",
            NarCompression.Zstd => ".zst",
            NarCompression.Lz4 => ".lz4",
            NarCompression.Lzip => ".lzip",
            NarCompression.Brotli => ".br",
            _ => "",
        };

    public static byte[] Compress(NarCompression compression, byte[] plain)
    {
        var compressed = new MemoryStream();
        using (Stream writer = compression switch
        {
            NarCompression.None => compressed,
            NarCompression.Xz => new XzCompressStream(compressed, 1, leaveOpen: true),
            NarCompression.Bzip2 => new Bzip2CompressStream(compressed, 9, leaveOpen: true),
            NarCompression.Zstd => new ZstdCompressStream(compressed, 3, leaveOpen: true),
            NarCompression.Lz4 => new Lz4CompressStream(compressed, leaveOpen: true),
            NarCompression.Lzma => new LzmaCompressStream(compressed, LzmaFormat.Lzma, leaveOpen: true),
            NarCompression.Lzip => new LzmaCompressStream(compressed, LzmaFormat.Lzip, leaveOpen: true),
            NarCompression.Brotli => new BrotliStream(compressed, CompressionLevel.Fastest, leaveOpen: true),
            NarCompression.Compress => new LzwCompressStream(compressed, leaveOpen: true),
            _ => new GZipStream(compressed, CompressionMode.Compress, leaveOpen: true),
        })
        {
            writer.Write(plain);
        }

        return compressed.ToArray();
    }

    public static byte[] Decompress(NarCompression compression, byte[] file)
    {
        using Stream reader = compression switch
        {
            NarCompression.None => new MemoryStream(file),
            NarCompression.Xz => new XzDecompressStream(new MemoryStream(file)),
            NarCompression.Bzip2 => new Bzip2DecompressStream(new MemoryStream(file)),
            NarCompression.Zstd => new ZstdDecompressStream(new MemoryStream(file)),
            NarCompression.Lz4 => new Lz4DecompressStream(new MemoryStream(file)),
            NarCompression.Lzma => new XzDecompressStream(new MemoryStream(file), format: LzmaFormat.Lzma),
            NarCompression.Lzip => new XzDecompressStream(new MemoryStream(file), format: LzmaFormat.Lzip),
            NarCompression.Brotli => new BrotliStream(new MemoryStream(file), CompressionMode.Decompress),
            NarCompression.Compress => new LzwDecompressStream(new MemoryStream(file)),
            _ => new GZipStream(new MemoryStream(file), CompressionMode.Decompress),
        };
        var plain = new MemoryStream();
        reader.CopyTo(plain);
        return plain.ToArray();
    }

    public void Dispose() => _http.Dispose();

    private HttpRequestMessage NewRequest(HttpMethod method, string path, HttpContent? content) => new(method, path)
    {
        Content = content,
        Version = _http.DefaultRequestVersion,
        VersionPolicy = _http.DefaultVersionPolicy,
    };
}
