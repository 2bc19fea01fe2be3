using System.Security.Cryptography.X509Certificates;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;
using NixFuseStore.Protocol.Connections;
using NixFuseStore.Protocol.DataPlane;
using NixFuseStore.Protocol.Grpc;
using NixFuseStore.Server.Access;
using NixFuseStore.Server.Base;
using NixFuseStore.Server.Hosting;
using NixFuseStore.Storage;
using NixFuseStore.Storage.Metadata;
using NixFuseStore.Testing.Tls;
using Xunit;

namespace NixFuseStore.Server.Tests.Samples;

/// <summary>A server in this process on a port of its own, with a data directory that goes with it.</summary>
internal sealed class TestServer : IAsyncDisposable
{
    private readonly string _directory;
    private readonly StoreServer _server;
    private readonly List<IDisposable> _clients = [];
    private readonly StringWriter _log;
    private readonly X509Certificate2Collection? _trusted;
    private readonly CertificateFiles? _tls;

    private TestServer(string directory, StoreServer server, StringWriter log, StorageOptions storage, CertificateFiles? tls, bool trustsItself)
    {
        _directory = directory;
        _server = server;
        _log = log;
        Storage = storage;
        _tls = tls;
        _trusted = trustsItself ? TransportOptions.ReadCertificates(tls!.CertificateFile) : null;
        Client = OpenClient();
        Data = OpenData();
    }

    public static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public StorageOptions Storage { get; }

    /// <summary>Whether a certificate is the one that the server was started with.</summary>
    public bool IsItsOwn(X509Certificate? certificate) =>
        certificate is not null && TransportOptions.ReadCertificates(_tls!.CertificateFile).Any(own => own.RawDataMemory.Span.SequenceEqual(certificate.GetRawCertData()));

    /// <summary>How this host reaches it, wherever else it listens.</summary>
    public Uri Address => new(_server.Addresses[0].Replace("//0.0.0.0", "//127.0.0.1", StringComparison.Ordinal));

    public StoreServer Server => _server;

    /// <summary>A client without a token.</summary>
    public StoreClient Client { get; }

    /// <summary>A client without a token.</summary>
    public DataPlaneClient Data { get; }

    public string Log
    {
        get
        {
            _server.FlushLog();
            return _log.ToString();
        }
    }

    public static async Task<TestServer> StartAsync(
        string listen = "http://127.0.0.1:0", CertificateFiles? tls = null, TimeSpan? heartbeat = null, string? metadata = null, string? blobs = null,
        bool trustsItself = false, ServerLimits? limits = null, string? netrcFile = null)
    {
        var directory = Directory.CreateTempSubdirectory("nixfuse-server-").FullName;
        var log = new StringWriter();
        var storage = new StorageOptions(Path.Combine(directory, "data"), metadata, blobs);
        var options = new ServerOptions(storage, [listen])
        {
            TlsCertificateFile = tls?.CertificateFile,
            TlsKeyFile = tls?.KeyFile,
            Heartbeat = heartbeat ?? TimeSpan.FromSeconds(5),
            Log = TextWriter.Synchronized(log),
            Limits = limits ?? new ServerLimits(),
            NetrcFile = netrcFile,
        };
        try
        {
            return new TestServer(directory, await StoreServer.StartAsync(options, Cancellation), log, storage, tls, trustsItself);
        }
        catch
        {
            Directory.Delete(directory, recursive: true);
            throw;
        }
    }

    public StoreClient OpenClient(string? token = null, TransportOptions? options = null)
    {
        var channel = new RpcChannel(options ?? Options(token));
        _clients.Add(channel);
        return new StoreClient(channel);
    }

    public DataPlaneClient OpenData(string? token = null, TransportOptions? options = null)
    {
        var client = new DataPlaneClient(options ?? Options(token));
        _clients.Add(client);
        return client;
    }

    /// <summary>Works on the database beside the server, as the command line does.</summary>
    public async Task<T> UseMetadataAsync<T>(Func<IMetadataStore, Task<T>> use)
    {
        await using var metadata = await StorageFactory.OpenMetadataAsync(Storage.MetadataUri, cancellationToken: Cancellation);
        return await use(metadata);
    }

    /// <summary>Makes a token; without stores it is for all.</summary>
    public Task<(string Token, long Id)> CreateTokenAsync(AccessRights rights, params string[] stores) => UseMetadataAsync(async metadata =>
    {
        var token = TokenText.Generate();
        var byStore = new Dictionary<StoreId, AccessRights>();
        foreach (var name in stores)
        {
            byStore[(await metadata.FindStoreAsync(name, Cancellation))!.Id] = rights;
        }

        var everywhere = stores.Length == 0 ? rights : AccessRights.None;
        var record = await metadata.CreateTokenAsync(new NewToken(TokenText.Hash(token), "test", everywhere, byStore), Cancellation);
        return (token, record.Id);
    });

    public Task CreateStoreAsync(string name) =>
        UseMetadataAsync(metadata => StoreCreation.CreateAsync(metadata, name, StoreDirectory.Default.Path, Cancellation));

    public async Task<RegisterPathResult> RegisterAsync(NewPath path, string store = "main")
    {
        var request = new RegisterPathsRequest { Store = store };
        request.Paths.Add(path);
        return (await Client.RegisterPathsAsync(request, null, Cancellation)).Results.Single();
    }

    public async Task RegisterAllAsync(params SamplePath[] paths)
    {
        var request = new RegisterPathsRequest { Store = "main" };
        request.Paths.AddRange(paths.Select(path => path.ToMessage()));
        var response = await Client.RegisterPathsAsync(request, null, Cancellation);
        Assert.All(response.Results, result => Assert.Equal((RegisterPathResult.Types.Outcome.Registered, ""), (result.Outcome, result.Message)));
    }

    private TransportOptions Options(string? token) => new() { Address = Address, TokenProvider = () => token, TrustedCertificates = _trusted };

    public async ValueTask DisposeAsync()
    {
        foreach (var client in _clients)
        {
            client.Dispose();
        }

        await _server.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }
}
