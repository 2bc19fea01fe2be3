using System.Globalization;
using System.Security.Cryptography;
using NixFuseStore.EndToEnd.Tests.Fixtures;

namespace NixFuseStore.EndToEnd.Tests;

/// <summary>
/// Damage done on purpose, one after the other: in packs, in the client's cache and in metadata. Each is named, no wrong byte comes out of
/// any door, and a push heals it. One of each kind; NIXFUSE_TEST_LONG=1 makes it a hundred, NIXFUSE_TEST_SEED repeats a run.
/// </summary>
public sealed class DamageTests : EndToEndTest
{
    private static readonly string[] Kinds =
        ["bit of a chunk", "zeroed range", "pack cut off", "pack gone", "section", "places", "index row", "client's cache"];

    private const int FilesRead = 15;

    private readonly List<string> _done = [];

    [Fact]
    public void SeededDamages_AreNamed_NeverServed_AndHealedByAPush()
    {
        // 1. A server with real paths, and a client that has read them.
        var seed = int.TryParse(Environment.GetEnvironmentVariable("NIXFUSE_TEST_SEED"), NumberStyles.None, CultureInfo.InvariantCulture, out var given)
            ? given
            : Random.Shared.Next();
        var count = Environment.GetEnvironmentVariable("NIXFUSE_TEST_LONG") == "1" ? 100 : Kinds.Length;
        TestContext.Current.TestOutputHelper!.WriteLine(string.Create(CultureInfo.InvariantCulture, $"seed {seed}, {count} damages"));
        var random = new Random(seed);
        var store = RealStore.Default;
        var top = store.Package("bash");
        var paths = store.Closure(top);
        var hashes = store.NarHashes();
        var server = StartServer();
        var pusher = NewClient(server, "pusher");
        pusher.Push(store, top);
        var cached = NewClient(server, "cached", mountName: "nix");
        cached.Mount();
        store.AssertSameContentIn(Path.GetDirectoryName(cached.MountPoint)!, paths);
        cached.Unmount();

        for (var i = 0; i < count; i++)
        {
            // 2. Each kind comes; then chance decides.
            var kind = i < Kinds.Length ? Kinds[i] : Kinds[random.Next(Kinds.Length)];
            _done.Add(string.Create(CultureInfo.InvariantCulture, $"{i}: {kind}"));
            var why = string.Create(CultureInfo.InvariantCulture, $"seed {seed}, {string.Join("; ", _done.TakeLast(3))}");
            if (kind == "client's cache")
            {
                DamageCache(cached, random);
                cached.Mount();
                store.AssertSameContentIn(Path.GetDirectoryName(cached.MountPoint)!, paths);
                cached.Unmount();
                continue;
            }

            DamageServer(kind, server.DataDirectory, random);

            // 3. By no door a wrong byte, before it was looked for.
            var refused = 0;
            foreach (var path in paths.OrderBy(_ => random.Next()).Take(3))
            {
                refused += ReadByHttp(server, path, hashes[path], why);
            }

            var name = string.Create(CultureInfo.InvariantCulture, $"fresh{i}");
            ReadByMount(server, name, store, paths, random, why);
            CopyFrom(server, name, store, top, why);

            // 4. It is named, with paths.
            var check = server.Run("fsck", "--full");
            Assert.True(check.Status == 1 || (check.Status == 0 && kind is "places" or "index row"), $"{why}: fsck said {check.Status}\n{check.Output}{check.Errors}");
            if (check.Status == 1 && kind != "index row" && kind != "places")
            {
                Assert.Matches("(is|are) damaged.*: .*needs? it|is damaged in the database: .*need", check.Output);
            }

            // 5. A push heals it, everywhere.
            var pushed = pusher.Run("push", "--from", store.Root, top);
            Assert.True(pushed.Status == 0, $"{why}: {pushed.Errors}{pushed.Output}");
            var healed = server.Run("fsck", "--full", "--repair");
            var again = server.Run("fsck", "--full");
            Assert.True(again.Status == 0, $"{why}: not healed\n{check.Output}{pushed.Output}{healed.Output}{again.Output}{again.Errors}");
            foreach (var path in paths.OrderBy(_ => random.Next()).Take(2))
            {
                Eventually.Holds($"{why}: {path} is whole again", () => ReadByHttp(server, path, hashes[path], why) == 0);
            }
        }

        // 6. At the end all is as it was, by every door.
        Assert.All(paths, path => Assert.Equal(0, ReadByHttp(server, path, hashes[path], "at the end")));
        cached.Mount();
        store.AssertSameContentIn(Path.GetDirectoryName(cached.MountPoint)!, paths);
        cached.Unmount();
        server.Stop();
        Assert.Contains("is damaged", server.Log, StringComparison.Ordinal);
    }

    [Fact]
    public void CopyIntoTheSocket_HealsADamagedPath()
    {
        Programs.Require("nix");
        var store = RealStore.Default;
        var path = store.Package("bash");
        var server = StartServer();
        var host = NewClient(server, mountName: "nix");
        host.Mount();
        Copy(store, host, path).Succeeded();
        var hashes = store.NarHashes();
        DamageLargestChunk(server.DataDirectory);
        var damaged = store.Closure(path).Where(path => ReadByHttp(server, path, hashes[path], "damaged") != 0).ToArray();
        Assert.NotEmpty(damaged);
        Eventually.Within(TimeSpan.FromSeconds(10), "the mount knows that it is damaged", () => IsValid(host, damaged[0]).Status != 0);

        var copied = Copy(store, host, path);

        Assert.True(copied.Status == 0, copied.Errors);
        Assert.All(damaged, path => IsValid(host, path).Succeeded());
        Assert.All(damaged, path => Assert.Equal(0, ReadByHttp(server, path, hashes[path], "healed")));
        store.AssertSameContentIn(Path.GetDirectoryName(host.MountPoint)!, store.Closure(path));
        Assert.Equal(0, server.Run("fsck", "--full").Status);
        host.Unmount();
    }

    private static CommandResult Copy(RealStore store, ClientHost host, string path) =>
        Nix("nix", "--extra-experimental-features", "nix-command", "copy", "--no-check-sigs", "--from", store.Root, "--to", SocketUrl(host), path);

    private static CommandResult IsValid(ClientHost host, string path) => Nix("nix-store", "--store", SocketUrl(host), "--check-validity", path);

    private static CommandResult Nix(string program, params string[] arguments) =>
        Command.Run(program, arguments, new Dictionary<string, string> { ["NIX_REMOTE"] = "" });

    private static string SocketUrl(ClientHost host) =>
        $"unix://{host.MountPoint}/var/nix/daemon-socket/socket?root={Path.GetDirectoryName(host.MountPoint)}";

    private static void DamageLargestChunk(string data)
    {
        var chunk = Query(data, "SELECT p.name, c.start, c.stored_length FROM chunks c JOIN packs p ON p.id = c.pack ORDER BY c.stored_length DESC LIMIT 1")[0];
        using var pack = File.OpenHandle(Path.Combine(data, "packs", chunk[0][..2], chunk[0]), FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        RandomAccess.Write(pack, new byte[100], long.Parse(chunk[1], CultureInfo.InvariantCulture) + 10);
    }

    private static void DamageServer(string kind, string data, Random random)
    {
        switch (kind)
        {
            case "section":
                Sql(data, "UPDATE sections SET zstd = substr(zstd, 1, length(zstd) / 2) || x'5a5b5c' || substr(zstd, length(zstd) / 2 + 4)", "sections", random);
                return;
            case "places":
                Sql(data, "UPDATE locations SET places = substr(places, 1, length(places) / 2) || x'5a5b5c' || substr(places, length(places) / 2 + 4)", "locations", random);
                return;
            case "index row":
                Sql(data, random.Next(2) == 0 ? "UPDATE chunks SET start = start + 3" : "UPDATE chunks SET sum = sum + 1", "chunks", random);
                return;
        }

        // A chunk that is in use, so that the damage matters.
        var row = Query(data, "SELECT p.name, c.start, c.stored_length FROM chunks c JOIN packs p ON p.id = c.pack WHERE c.stored_length > 100 ORDER BY c.digest");
        var chosen = row[random.Next(row.Length)];
        var pack = chosen[0];
        var (start, length) = (long.Parse(chosen[1], CultureInfo.InvariantCulture), int.Parse(chosen[2], CultureInfo.InvariantCulture));
        var file = Path.Combine(data, "packs", pack[..2], pack);
        if (kind == "pack gone")
        {
            File.Delete(file);
            return;
        }

        using var handle = File.OpenHandle(file, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        if (kind == "pack cut off")
        {
            RandomAccess.SetLength(handle, start + random.Next(length));
            return;
        }

        var bytes = new byte[kind == "zeroed range" ? Math.Min(length, random.Next(64, 60_000)) : 1];
        var position = start + random.Next(length - bytes.Length + 1);
        if (kind == "bit of a chunk")
        {
            RandomAccess.Read(handle, bytes, position);
            bytes[0] ^= (byte)(1 << random.Next(8));
        }

        RandomAccess.Write(handle, bytes, position);
    }

    private static void DamageCache(ClientHost client, Random random)
    {
        foreach (var file in Directory.EnumerateFiles(client.CacheDirectory + "/chunks", "log.*"))
        {
            using var handle = File.OpenHandle(file, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
            var length = RandomAccess.GetLength(handle);
            for (var i = 0; i < 20 && length > 0; i++)
            {
                RandomAccess.Write(handle, [(byte)random.Next(256)], random.NextInt64(length));
            }
        }
    }

    /// <summary>1 where the server gives no NAR; where it gives one, it is right.</summary>
    private static int ReadByHttp(ServerProcess server, string path, string narHash, string why)
    {
        var refused = 0;
        var hashPart = Path.GetFileName(path)[..32];
        var info = Command.Run("curl", "-sf", "--max-time", "60", $"{server.Url}/main/{hashPart}.narinfo");
        if (info.Status != 0)
        {
            return 1;
        }

        var url = info.Output.Split('\n').Single(line => line.StartsWith("URL: ", StringComparison.Ordinal))["URL: ".Length..];
        foreach (var (file, pipe) in new[] { (url[..^".zst".Length], "cat"), (url, "zstd -dcq") })
        {
            // curl fails on a transfer that was cut; what it took for whole must be the NAR.
            var got = Command.Run("bash", "-c", $"set -o pipefail; curl -sf --max-time 60 '{server.Url}/main/{file}' | {pipe} | sha256sum");
            if (got.Status == 0)
            {
                Assert.True(got.Output.StartsWith(narHash, StringComparison.Ordinal), $"{why}: {file} came whole and wrong");
            }
            else
            {
                refused = 1;
            }
        }

        return refused;
    }

    private void ReadByMount(ServerProcess server, string name, RealStore store, IReadOnlyList<string> paths, Random random, string why)
    {
        var client = NewClient(server, name, mountName: "nix");
        client.Mount();
        try
        {
            // Each file that cannot be read takes the kernel some two seconds of trying.
            foreach (var file in paths.SelectMany(path => Files(store.Root + path)).OrderBy(_ => random.Next()).Take(FilesRead))
            {
                try
                {
                    var read = SHA256.HashData(File.ReadAllBytes(client.Real(file[store.Root.Length..])));
                    Assert.True(read.AsSpan().SequenceEqual(SHA256.HashData(File.ReadAllBytes(file))), $"{why}: {file} was read wrong");
                }
                catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
                {
                    // Unreadable is right while it is damaged.
                }
            }
        }
        finally
        {
            client.Unmount();
        }
    }

    private void CopyFrom(ServerProcess server, string name, RealStore store, string path, string why)
    {
        var chroot = Path.Combine(Folder, name, "copied");
        var copied = Command.Run(
            "timeout",
            ["60", "nix", "--extra-experimental-features", "nix-command", "copy", "--no-check-sigs", "--from", server.Url + "/main", "--to", chroot, path],
            new Dictionary<string, string> { ["HOME"] = Directory.CreateDirectory(Path.Combine(Folder, name, "home")).FullName, ["NIX_REMOTE"] = "" });
        if (copied.Status == 0)
        {
            store.AssertSameContentIn(chroot, store.Closure(path));
        }

        Assert.DoesNotContain("hash mismatch", copied.Errors, StringComparison.Ordinal);
        Assert.NotNull(why);
    }

    private static IEnumerable<string> Files(string path) => File.Exists(path)
        ? [path]
        : Directory.EnumerateFiles(path, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint });

    private static void Sql(string data, string update, string table, Random random)
    {
        var rows = int.Parse(Query(data, $"SELECT count(*) FROM {table}")[0][0], CultureInfo.InvariantCulture);
        var key = table switch { "chunks" => "digest", "locations" => "section", _ => "id" };
        var row = random.Next(rows);
        Command.Run(
            "sqlite3", "-cmd", ".timeout 10000", Path.Combine(data, "metadata.sqlite"),
            $"{update} WHERE {key} = (SELECT {key} FROM {table} ORDER BY {key} LIMIT 1 OFFSET {row})").Succeeded();
    }

    private static string[][] Query(string data, string sql) =>
        [.. Command.Run("sqlite3", "-cmd", ".timeout 10000", "-readonly", "-separator", "\t", Path.Combine(data, "metadata.sqlite"), sql).Lines().Select(line => line.Split('\t'))];
}
