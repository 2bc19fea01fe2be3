using Google.Protobuf;
using NixFuseStore.Client.Server;
using NixFuseStore.Content;
using NixFuseStore.Native.Compression;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;
using NixFuseStore.Protocol.DataPlane;
using NixFuseStore.Server.Hosting;
using NixFuseStore.Testing.Tls;

namespace NixFuseStore.Client.Tests.Fixtures;

/// <summary>A real server on loopback with SQLite and packs in a directory of its own; can be stopped and started again on the same port.</summary>
internal sealed class TestServer : IAsyncDisposable
{
    private readonly string _directory = System.IO.Directory.CreateTempSubdirectory("nixfuse-client-").FullName;
    private readonly StringWriter _log = new();
    private StoreServer? _server;
    private CertificateFiles? _certificate;

    public Uri Address { get; private set; } = new("http://127.0.0.1:0");

    public NixPublicKey PublicKey { get; private set; } = null!;

    /// <param name="certificate">Its certificate; null: it listens without TLS.</param>
    public static async Task<TestServer> StartAsync(CertificateFiles? certificate = null)
    {
        var server = new TestServer { _certificate = certificate };
        if (certificate is not null)
        {
            server.Address = new Uri("https://127.0.0.1:0");
        }

        await server.StartAgainAsync();
        return server;
    }

    public async Task StartAgainAsync()
    {
        var options = new ServerOptions(new StorageOptions(_directory), [Address.GetLeftPart(UriPartial.Authority)])
        {
            Log = TextWriter.Synchronized(_log),
            Heartbeat = TimeSpan.FromSeconds(1),
            TlsCertificateFile = _certificate?.CertificateFile,
            TlsKeyFile = _certificate?.KeyFile,
        };
        _server = await StoreServer.StartAsync(options);
        Address = new Uri(_server.Addresses[0]);
        PublicKey = NixPublicKey.Parse((await _server.DescribeStoresAsync())[0].PublicKey);
    }

    public async Task StopAsync()
    {
        if (_server is { } server)
        {
            _server = null;
            await server.DisposeAsync();
        }
    }

    /// <summary>Keeps a copy of the database; the server must be stopped.</summary>
    public void BackUp() => File.Copy(Database, Database + ".backup", overwrite: true);

    /// <summary>Puts the copy in the database's place; the server must be stopped.</summary>
    public void Restore() => File.Copy(Database + ".backup", Database, overwrite: true);

    /// <summary>Changes a byte in the middle of each pack; the server must be stopped.</summary>
    public void DamagePacks()
    {
        foreach (var pack in System.IO.Directory.GetDirectories(Path.Combine(_directory, "packs")).SelectMany(System.IO.Directory.GetFiles))
        {
            using var file = File.OpenHandle(pack, FileMode.Open, FileAccess.ReadWrite);
            var middle = RandomAccess.GetLength(file) / 2;
            var value = new byte[1];
            RandomAccess.Read(file, value, middle);
            RandomAccess.Write(file, [(byte)~value[0]], middle);
        }
    }

    private string Database => Assert.Single(System.IO.Directory.GetFiles(_directory, "metadata.sqlite"));

    /// <summary>Gets paths that are not here from another server's binary cache.</summary>
    public async Task AddUpstreamAsync(Uri address, NixPublicKey key)
    {
        await using var metadata = await NixFuseStore.Storage.StorageFactory.OpenMetadataAsync(new StorageOptions(_directory).MetadataUri);
        var store = (await metadata.FindStoreAsync("main"))!;
        await metadata.ChangeUpstreamsAsync(store.Id, new([new Uri(address, "main").AbsoluteUri], [key.ToString()]), NixFuseStore.Storage.Metadata.UpstreamSettings.None);
    }

    public ServerConnection Connect(Uri? through = null) => new(new ServerConnectionOptions
    {
        Servers = [through ?? Address],
        TrustedCertificates = _certificate is null ? null : ServerConnectionOptions.ReadCertificates(_certificate.CertificateFile),
    });

    public async Task PushAsync(params SourcePath[] paths)
    {
        using var connection = Connect();
        var request = new RegisterPathsRequest { Store = "main" };
        foreach (var path in paths)
        {
            await UploadAsync(connection.Current.Data, path);
            request.Paths.Add(Claim(path));
        }

        var response = await connection.Current.Store.RegisterPathsAsync(request);
        foreach (var result in response.Results)
        {
            Assert.True(result.Outcome is RegisterPathResult.Types.Outcome.Registered or RegisterPathResult.Types.Outcome.AlreadyValid, result.Message);
        }
    }

    public Task RevokeAsync(params SourcePath[] paths) => RevokeAsync([.. paths.Select(path => path.Path)]);

    public async Task RevokeAsync(params StorePath[] paths)
    {
        using var connection = Connect();
        var request = new RevokePathsRequest { Store = "main" };
        request.BaseNames.AddRange(paths.Select(path => path.BaseName));
        Assert.Equal(paths.Length, (await connection.Current.Store.RevokePathsAsync(request)).Revoked.Count);
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        System.IO.Directory.Delete(_directory, recursive: true);
    }

    private static async Task UploadAsync(DataPlaneClient data, SourcePath path)
    {
        await data.UploadChunksAsync(
            "main",
            async (writer, token) =>
            {
                foreach (var (id, plain) in path.Chunks)
                {
                    var frame = Zstd.Compress(plain, 1);
                    if (frame.Length < plain.Length)
                    {
                        await writer.WriteAsync(id.ToArray(), ChunkEncoding.Zstd, plain.Length, frame, token);
                    }
                    else
                    {
                        await writer.WriteAsync(id.ToArray(), ChunkEncoding.Plain, plain.Length, plain, token);
                    }
                }
            },
            CancellationToken.None);
    }

    internal static NewPath Claim(SourcePath path)
    {
        var record = new PathRecord
        {
            BaseName = path.Path.BaseName,
            NarHash = ByteString.CopyFrom(path.Info.NarHash.Digest),
            NarSize = path.Info.NarSize,
            ManifestHeader = ByteString.CopyFrom(path.Manifest.Header.ToBytes()),
        };
        record.References.AddRange(path.Info.References.Select(r => r.BaseName));
        var claim = new NewPath { Path = record };
        foreach (var section in Enum.GetValues<ManifestSection>())
        {
            var plain = path.Manifest.GetSection(section);
            claim.Sections.Add(new Section
            {
                Digest = ByteString.CopyFrom(path.Manifest.Header.GetDigest(section).ToArray()),
                PlainLength = (uint)plain.Length,
                Zstd = plain.Length == 0 ? ByteString.Empty : ByteString.CopyFrom(Zstd.Compress(plain, 3)),
            });
        }

        return claim;
    }
}
