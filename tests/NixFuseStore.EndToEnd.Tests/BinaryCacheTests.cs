using NixFuseStore.EndToEnd.Tests.Fixtures;
using NixFuseStore.Testing.Databases;

namespace NixFuseStore.EndToEnd.Tests;

/// <summary>A store's binary cache, used by stock Nix of every release.</summary>
public sealed class BinaryCacheTests : EndToEndTest
{
    public static TheoryData<string> Suites => NixRelease.Suites;

    public static TheoryData<string, string> SuitesAndCompressions
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (var suite in (string[])[NixRelease.Bookworm, NixRelease.Trixie, NixRelease.Sid])
            {
                foreach (var compression in (string[])["none", "xz", "bzip2", "zstd", "gzip", "br", "lz4", "lzip", "lzma", "compress"])
                {
                    data.Add(suite, compression);
                }
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public void ClosureCopiedToTheCache_IsRealisedFromIt_AndIsInTheMount(string suite)
    {
        var nix = NewHost(suite);
        var store = RealStore.Default;
        var server = StartServer();
        var path = store.Package("bash");

        nix.Run(store.Root, ["nix", "copy", "--to", Cache(server, "compression=zstd"), path]).Succeeded();

        // The uploader's own home remembers what it uploaded, which the store had not signed yet.
        var chroot = Folder + "/realised";
        NewHost(suite, "other").Run(chroot, ["nix-store", "--realise", path], Substituting(server)).Succeeded();
        store.AssertSameContentIn(chroot, store.Closure(path));

        var client = NewClient(server, mountName: "nix");
        client.Mount();
        store.AssertSameContentIn(Path.GetDirectoryName(client.MountPoint)!, store.Closure(path));
    }

    /// <summary>The Nix that has just uploaded remembers its own narinfo, and asks for the file under the name that it gave it.</summary>
    [Theory]
    [MemberData(nameof(SuitesAndCompressions))]
    public void Uploader_ReadsItsOwnUploadAgain(string suite, string compression)
    {
        var nix = NewHost(suite);
        var store = RealStore.Default;
        var server = StartServer();
        var path = store.PathsBySize().First(path => store.Closure(path).Count == 1);

        nix.Run(store.Root, ["nix", "copy", "--to", Cache(server, "compression=" + compression), path]).Succeeded();
        nix.Run(store.Root, ["nix", "copy", "--to", Cache(server, "compression=" + compression), path]).Succeeded();

        var chroot = Folder + "/again";
        nix.Run(chroot, ["nix", "copy", "--no-check-sigs", "--from", Cache(server), path]).Succeeded();
        store.AssertSameContentIn(chroot, [path]);
    }

    /// <summary>Over TLS, stock Nix speaks HTTP/2.</summary>
    [Theory]
    [MemberData(nameof(Suites))]
    public void OverTls_CopiedTo_CopiedFrom_AndSubstituted(string suite)
    {
        var store = RealStore.Default;
        var tls = Certificates.Make(Folder);
        var server = Own(new ServerProcess(Folder + "/server", tls: tls)).Start();
        var path = store.Package("bash");

        Assert.NotEqual(0, NewHost(suite, "stranger").Run(store.Root, ["nix", "copy", "--to", Cache(server), path]).Status);
        var nix = NewHost(suite, "host", tls.Certificate);
        nix.Run(store.Root, ["nix", "copy", "--to", Cache(server, "compression=zstd"), path]).Succeeded();
        nix.Run(store.Root, ["nix", "copy", "--to", Cache(server), path]).Succeeded();

        var copied = Folder + "/copied";
        NewHost(suite, "copier", tls.Certificate).Run(copied, ["nix", "copy", "--no-check-sigs", "--from", Cache(server), path]).Succeeded();
        store.AssertSameContentIn(copied, store.Closure(path));
        var realised = Folder + "/realised";
        NewHost(suite, "other", tls.Certificate).Run(realised, ["nix-store", "--realise", path], Substituting(server)).Succeeded();
        store.AssertSameContentIn(realised, store.Closure(path));
        Assert.Equal("2", Command.Run("curl", "-s", "--cacert", tls.Certificate, "-o", "/dev/null", "-w", "%{http_version}", Cache(server) + "/nix-cache-info").Succeeded());
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public void PathThatTheMountPushed_IsRealisedAndSigned(string suite)
    {
        var nix = NewHost(suite);
        var store = RealStore.Default;
        var server = StartServer();
        var path = store.PathsBySize().First(path => store.Closure(path).Count == 1);
        NewClient(server).Push(store, path);

        var chroot = Folder + "/pushed";
        Assert.NotEqual(0, nix.Run(chroot, ["nix-store", "--realise", path], $"substituters = {Cache(server)}\ntrusted-public-keys =").Status);
        nix.Run(chroot, ["nix-store", "--realise", path], Substituting(server)).Succeeded();
        store.AssertSameContentIn(chroot, [path]);
        nix.Run(chroot, ["nix", "store", "verify", "--store", Cache(server), "--no-contents", "--sigs-needed", "1", path], Substituting(server)).Succeeded();
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public void DebugInformation_IsIndexed(string suite)
    {
        var nix = NewHost(suite);
        var server = StartServer();
        var folder = Directory.CreateDirectory(Folder + "/src/lib/debug/.build-id/ab").FullName;
        File.WriteAllText($"{folder}/{new string('c', 38)}.debug", "debug");
        var path = nix.Run(Folder + "/host", ["nix-store", "--add", Folder + "/src"]).Succeeded().Trim();

        nix.Run(Folder + "/host", ["nix", "copy", "--to", Cache(server, "index-debug-info=true"), path]).Succeeded();

        var id = "ab" + new string('c', 38);
        var known = Command.Run("curl", "-sf", $"{Cache(server)}/debuginfo/{id}");
        Assert.Contains($"lib/debug/.build-id/ab/{new string('c', 38)}.debug", (known.Status == 0 ? known : Command.Run("curl", "-sf", $"{Cache(server)}/debuginfo/{id}.debug")).Succeeded(), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public void StoreSign_AddsASignature(string suite)
    {
        var nix = NewHost(suite);
        var store = RealStore.Default;
        var server = StartServer();
        var path = store.PathsBySize().First(path => store.Closure(path).Count == 1);
        NewClient(server).Push(store, path);
        nix.Run(Folder, ["nix-store", "--generate-binary-cache-key", "somebody-1", Folder + "/secret", Folder + "/public"]).Succeeded();

        nix.Run(store.Root, ["nix", "store", "sign", "--store", Cache(server), "--key-file", Folder + "/secret", path]).Succeeded();

        var trusting = $"substituters = {Cache(server)}\ntrusted-public-keys = {File.ReadAllText(Folder + "/public")}";
        NewHost(suite, "other").Run(Folder + "/trusting", ["nix-store", "--realise", path], trusting).Succeeded();
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public void TokenInNetrc_OpensTheCache(string suite)
    {
        var nix = NewHost(suite);
        var store = RealStore.Default;
        var server = StartServer();
        var path = store.PathsBySize().First(path => store.Closure(path).Count == 1);
        var netrc = Scratch + "/netrc";
        File.WriteAllText(netrc, $"machine 127.0.0.1 login any password {server.CreateToken("write")}\n");
        Eventually.Holds("a token is asked for", () => Command.Run("curl", "-sf", Cache(server) + "/nix-cache-info").Status != 0);

        Assert.NotEqual(0, nix.Run(store.Root, ["nix", "copy", "--to", Cache(server), path]).Status);
        var authenticated = "netrc-file = " + netrc;
        nix.Run(store.Root, ["nix", "copy", "--to", Cache(server, "compression=none"), path], authenticated).Succeeded();
        NewHost(suite, "other").Run(Folder + "/opened", ["nix-store", "--realise", path], authenticated + "\n" + Substituting(server)).Succeeded();
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public async Task TwoServersOfOneDatabase_AreOneCache(string suite)
    {
        if (PostgresServer.WhyMissing is { } reason)
        {
            Assert.Skip(reason);
        }

        var nix = NewHost(suite);
        var store = RealStore.Default;
        await using var postgres = new PostgresServer();
        var database = await postgres.CreateDatabaseAsync();
        var one = Own(new ServerProcess(Folder + "/shared", database)).Start();
        var two = Own(new ServerProcess(Folder + "/shared", database)).Start();
        var path = store.PathsBySize().First(path => store.Closure(path).Count == 1);

        nix.Run(store.Root, ["nix", "copy", "--to", Cache(one, "compression=zstd"), path]).Succeeded();

        var chroot = Folder + "/from-two";
        nix.Run(chroot, ["nix-store", "--realise", path], Substituting(two)).Succeeded();
        store.AssertSameContentIn(chroot, [path]);
    }

    /// <summary>Nix with a home of its own.</summary>
    private NixClient NewHost(string suite, string name = "host", string? certificateFile = null) =>
        new(NixRelease.Open(suite), Directory.CreateDirectory(Path.Combine(Folder, name)).FullName) { CertificateFile = certificateFile };

    private static string Cache(ServerProcess server, string parameters = "") => server.Url + "/main" + (parameters.Length > 0 ? "?" + parameters : "");

    private static string Substituting(ServerProcess server) => $"substituters = {Cache(server)}\ntrusted-public-keys = {server.PublicKey()}";
}
