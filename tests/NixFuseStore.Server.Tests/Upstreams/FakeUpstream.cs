using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using NixFuseStore.Nix;
using NixFuseStore.Nix.BinaryCaches;
using NixFuseStore.Server.Tests.Samples;

namespace NixFuseStore.Server.Tests.Upstreams;

/// <summary>A static binary cache on loopback that counts what it is asked for, and can be made to misbehave.</summary>
internal sealed class FakeUpstream : IDisposable
{
    private readonly HttpListener _listener;
    private readonly ConcurrentDictionary<string, byte[]> _files = new();

    public FakeUpstream()
    {
        using (var free = new TcpListener(IPAddress.Loopback, 0))
        {
            free.Start();
            Url = $"http://127.0.0.1:{((IPEndPoint)free.LocalEndpoint).Port}";
        }

        _listener = new HttpListener();
        _listener.Prefixes.Add(Url + "/");
        _listener.Start();
        _files["nix-cache-info"] = "StoreDir: /nix/store\n"u8.ToArray();
        _ = ServeAsync();
    }

    public string Url { get; }

    public NixSecretKey Key { get; } = NixSecretKey.Generate("upstream-1");

    /// <summary>How often each file was asked for.</summary>
    public ConcurrentDictionary<string, int> Requests { get; } = new();

    /// <summary>Answers everything with this status, if any.</summary>
    public int? Status { get; set; }

    /// <summary>Answers a request itself, where it returns true. Is told the file and how often it was asked for.</summary>
    public Func<HttpListenerContext, string, int, bool>? Intercept { get; set; }

    /// <summary>NARs are answered only once this is done.</summary>
    public Task NarGate { get; set; } = Task.CompletedTask;

    public int NarRequests => Requests.Where(request => request.Key.StartsWith("nar/", StringComparison.Ordinal)).Sum(request => request.Value);

    /// <summary>Offers a path, signed unless told otherwise.</summary>
    public void Add(
        SamplePath path,
        bool signed = true,
        byte[]? nar = null,
        Func<NarInfo, NarInfo>? change = null,
        NarCompression compression = NarCompression.Xz,
        Func<byte[], byte[]>? changeFile = null,
        Func<string, string>? changeText = null)
    {
        var file = CacheClient.Compress(compression, nar ?? path.ToNar());
        file = changeFile?.Invoke(file) ?? file;
        var info = CacheClient.NarInfoOf(path, file, compression);
        if (signed)
        {
            info = info with { Info = info.Info.WithSignature(StoreDirectory.Default, Key) };
        }

        info = change?.Invoke(info) ?? info;
        _files[CacheClient.NameOf(file, compression)] = file;
        var text = info.Print(StoreDirectory.Default);
        _files[path.Path.HashPart + ".narinfo"] = Encoding.UTF8.GetBytes(changeText?.Invoke(text) ?? text);
    }

    /// <summary>A file as it would be sent.</summary>
    public byte[] FileOf(string name) => _files[name];

    public void Dispose() => _listener.Close();

    private async Task ServeAsync()
    {
        while (true)
        {
            HttpListenerContext context;
            try
            {
                context = await _listener.GetContextAsync();
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
            {
                return;
            }

            _ = AnswerAsync(context);
        }
    }

    private async Task AnswerAsync(HttpListenerContext context)
    {
        var name = context.Request.Url!.AbsolutePath[1..];
        var asked = Requests.AddOrUpdate(name, 1, (_, count) => count + 1);
        try
        {
            if (Intercept?.Invoke(context, name, asked) == true)
            {
                context.Response.Close();
                return;
            }
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
        {
            return;
        }

        if (name.StartsWith("nar/", StringComparison.Ordinal))
        {
            await NarGate;
        }

        var found = _files.TryGetValue(name, out var file);
        context.Response.StatusCode = Status ?? (found ? 200 : 404);
        try
        {
            if (context.Response.StatusCode == 200)
            {
                await context.Response.OutputStream.WriteAsync(file);
            }

            context.Response.Close();
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
        {
            // Whoever asked has left, or this is being disposed.
        }
    }
}
