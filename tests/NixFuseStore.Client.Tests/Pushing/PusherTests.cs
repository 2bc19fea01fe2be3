using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using NixFuseStore.Client.Push;
using NixFuseStore.Client.Server;
using NixFuseStore.Nix;
using NixFuseStore.Nix.LocalStores;
using NixFuseStore.Testing.LocalStores;

namespace NixFuseStore.Client.Tests.Pushing;

public sealed class PusherTests : IDisposable
{
    private readonly FakeLocalStore _local = new();
    private readonly FakePushTarget _server = new();

    public void Dispose() => _local.Dispose();

    [Fact]
    public async Task Push_Closure_RegistersEverything()
    {
        var (top, all) = MakeClosure();
        var (result, progress) = await PushAsync(top);

        Assert.True(result.IsComplete);
        Assert.Equal(all.Count, result.Count(PushOutcome.Registered));
        foreach (var info in all)
        {
            var record = _server.Paths[info.Path.HashPart];
            Assert.Equal(info.NarHash.ToArray(), record.NarHash.ToByteArray());
            Assert.Equal(info.NarSize, record.NarSize);
            Assert.Equal(info.References.Select(reference => reference.BaseName), record.References);
            Assert.Equal(info.ContentAddress?.ToString() ?? "", record.ContentAddress);
        }

        Assert.Equal(all.Sum(info => (long)info.NarSize), progress.NarBytesRead);
        Assert.Equal(progress.NarBytesTotal, progress.NarBytesRead);
        Assert.Equal(progress.PathsTotal, progress.PathsDone);
    }

    [Fact]
    public async Task Push_Again_AsksOnceAndSendsNothing()
    {
        var (top, all) = MakeClosure();
        await PushAsync(top);
        _server.Calls.Clear();
        var (result, progress) = await PushAsync(top);

        Assert.Equal(all.Count, result.Count(PushOutcome.AlreadyValid));
        Assert.Equal(0, progress.ChunksSent);
        Assert.Equal(["GetStore", "QueryPaths"], _server.Calls.Keys.Order());
    }

    [Fact]
    public async Task Push_SameContentUnderOtherHashes_SendsNoChunkAgain()
    {
        byte[] body = Noise(1, 500_000);
        var first = _local.AddFile("dep", "one"u8.ToArray());
        var second = _local.AddFile("dep", "two"u8.ToArray());
        var user1 = _local.AddFile("user", [.. body, .. Mention(first.Path), .. body], first.Path);
        var user2 = _local.AddFile("user", [.. body, .. Mention(second.Path), .. body], second.Path);
        _local.Save();

        await PushAsync(user1.Path);
        var (result, progress) = await PushAsync(user2.Path);
        Assert.True(result.IsComplete);
        Assert.Equal(0, progress.ChunksSent);
        Assert.NotEqual(user1.NarHash, user2.NarHash);
    }

    [Fact]
    public async Task Push_TinyPaths_TakeFewRequestsAndNoUpload()
    {
        const int Count = 1200;
        var paths = Enumerable.Range(0, Count).Select(i => _local.AddFile($"tiny{i}", Encoding.ASCII.GetBytes($"contents of {i}"))).ToArray();
        _local.Save();
        var (result, progress) = await PushAsync([.. paths.Select(info => info.Path)]);

        Assert.Equal(Count, result.Count(PushOutcome.Registered));
        Assert.DoesNotContain("Upload", _server.Calls.Keys);
        Assert.DoesNotContain("FindMissingChunks", _server.Calls.Keys);
        Assert.Equal(2, _server.Calls["QueryPaths"]);
        Assert.True(progress.Requests < 60, $"{progress.Requests} requests.");
    }

    [Fact]
    public async Task Push_WithLittleMemory_StillFinishes()
    {
        var (top, all) = MakeClosure();
        var (result, _) = await PushAsync([top], new PushOptions { ChunkBytesHeldMax = 1, Workers = 2, Uploads = 1 });
        Assert.Equal(all.Count, result.Count(PushOutcome.Registered));
    }

    [Fact]
    public async Task Push_FileChangedOnDisk_FailsThatPathAndItsReferrersOnly()
    {
        var bad = _local.AddFile("bad", Noise(1, 100_000));
        var good = _local.AddFile("good", Noise(2, 100_000));
        var user = _local.AddFile("user", [.. Mention(bad.Path), .. Mention(good.Path)], bad.Path, good.Path);
        _local.Save();
        File.WriteAllBytes(_local.RealPath(bad.Path), Noise(3, 100_000));

        var (result, _) = await PushAsync(user.Path);
        var failures = result.Paths.Where(path => path.Outcome == PushOutcome.Failed).ToDictionary(path => path.Path, path => path.Message);
        Assert.Equal(2, failures.Count);
        Assert.Contains(bad.NarHash.ToString(), failures[bad.Path], StringComparison.Ordinal);
        Assert.Contains("it refers to /nix/store/" + bad.Path, failures[user.Path], StringComparison.Ordinal);
        Assert.All(failures.Values, message => Assert.DoesNotContain('\n', message));
        Assert.Equal([good.Path.HashPart], _server.Paths.Keys);
    }

    [Fact]
    public async Task Push_PathMissingOnDisk_SaysSo()
    {
        var gone = _local.AddFile("gone", Noise(1, 100));
        _local.Save();
        File.Delete(_local.RealPath(gone.Path));
        var (result, _) = await PushAsync(gone.Path);
        Assert.Contains("No such file or directory", Assert.Single(result.Paths).Message, StringComparison.Ordinal);
        Assert.False(result.IsComplete);
    }

    [Theory]
    [InlineData("pipe")]
    [InlineData("socket")]
    [InlineData("device")]
    public async Task Push_WhatNoNarCanHold_FailsThatPathInOneLineThatNamesTheFile(string kind)
    {
        var odd = _local.Add("odd", path => Directory.CreateDirectory(Path.Combine(path, "sub")));
        var sound = _local.AddFile("sound", "sound"u8.ToArray());
        _local.Save();
        var file = Path.Combine(_local.RealPath(odd.Path), "sub", "entry");
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        switch (kind)
        {
            case "socket":
                socket.Bind(new UnixDomainSocketEndPoint(file));
                break;
            case "pipe":
                await MakeNodeAsync("mkfifo", file);
                break;
            default:
                Assert.SkipUnless(Environment.IsPrivilegedProcess, "only root makes devices");
                await MakeNodeAsync("mknod", file, "c", "1", "3");
                break;
        }

        var (result, _) = await PushAsync([odd.Path, sound.Path]).WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);

        var failed = Assert.Single(result.Paths, path => path.Outcome == PushOutcome.Failed);
        Assert.Equal(odd.Path, failed.Path);
        Assert.Equal($"{file} is a socket, pipe or device, which a store path cannot hold", failed.Message);
        Assert.Equal([sound.Path.HashPart], _server.Paths.Keys);
    }

    [Fact]
    public async Task Push_OtherContentIsRegistered_ReportsBothHashesAndGoesOn()
    {
        var dependency = _local.AddFile("dep", Noise(1, 50_000));
        var user = _local.AddFile("user", Mention(dependency.Path), dependency.Path);
        _local.Save();
        var other = new Protocol.PathRecord { BaseName = dependency.Path.BaseName, NarHash = Google.Protobuf.ByteString.CopyFrom(new byte[32]) };
        _server.Paths.Add(dependency.Path.HashPart, other);

        var (result, _) = await PushAsync(user.Path);
        Assert.True(result.IsComplete);
        var conflict = result.Paths.Single(path => path.Outcome == PushOutcome.Conflict);
        Assert.Equal(dependency.Path, conflict.Path);
        Assert.Contains(dependency.NarHash.ToString(), conflict.Message, StringComparison.Ordinal);
        Assert.Contains(new NixHash(NixHashAlgorithm.Sha256, new byte[32]).ToString(), conflict.Message, StringComparison.Ordinal);
        Assert.Same(other, _server.Paths[dependency.Path.HashPart]);
        Assert.Equal(1, result.Count(PushOutcome.Registered));
    }

    [Fact]
    public async Task Push_OtherContentIsRegisteredMeanwhile_GoesOnAsWell()
    {
        var dependency = _local.AddFile("dep", Noise(1, 50_000));
        var user = _local.AddFile("user", Mention(dependency.Path), dependency.Path);
        _local.Save();
        _server.BeforeRegistration = _ => _server.Paths.TryAdd(
            dependency.Path.HashPart,
            new Protocol.PathRecord { BaseName = dependency.Path.BaseName, NarHash = Google.Protobuf.ByteString.CopyFrom(new byte[32]) });

        var (result, _) = await PushAsync(user.Path);
        Assert.Equal(1, result.Count(PushOutcome.Conflict));
        Assert.Equal(1, result.Count(PushOutcome.Registered));
    }

    [Fact]
    public async Task Push_NoClosure_PushesOnlyThePath()
    {
        var dependency = _local.AddFile("dep", Noise(1, 50_000));
        var user = _local.AddFile("user", Mention(dependency.Path), dependency.Path);
        _local.Save();

        var exception = await Assert.ThrowsAsync<StoreClientException>(() => PushAsync([user.Path], new PushOptions { Closure = false }));
        Assert.Contains(dependency.Path.BaseName, exception.Message, StringComparison.Ordinal);
        Assert.Empty(_server.Paths);

        await PushAsync(dependency.Path);
        var (result, _) = await PushAsync([user.Path], new PushOptions { Closure = false });
        Assert.Equal(user.Path, Assert.Single(result.Paths).Path);
        Assert.Equal(2, _server.Paths.Count);
    }

    [Fact]
    public async Task Push_PathNotInLocalStore_NamesIt()
    {
        _local.Save();
        var exception = await Assert.ThrowsAsync<LocalStoreException>(
            () => PushAsync(StorePath.ParseBaseName("nj4j70xcnmcdh9y4yfs0ddw3hhli4880-t.txt")));
        Assert.Contains("nj4j70xcnmcdh9y4yfs0ddw3hhli4880-t.txt", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Push_StoreThatDoesNotFit_IsRefusedBeforeAnythingIsSent()
    {
        var (top, _) = MakeClosure();
        _server.StoreDirectoryPath = "/gnu/store";
        await Assert.ThrowsAsync<StoreClientException>(() => PushAsync(top));
        _server.StoreDirectoryPath = "/nix/store";
        _server.MayWrite = false;
        await Assert.ThrowsAsync<StoreAccessException>(() => PushAsync(top));
        _server.MayWrite = true;
        _server.ChunkingParametersId = 99;
        await Assert.ThrowsAsync<StoreClientException>(() => PushAsync(top));
        Assert.Equal(["GetStore"], _server.Calls.Keys);
    }

    private static async Task MakeNodeAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, process.ExitCode);
    }

    private (StorePath Top, List<PathInfo> All) MakeClosure()
    {
        var all = new List<PathInfo>();
        for (int i = 0; i < 12; i++)
        {
            StorePath[] references = [.. all.Where((_, index) => (index + i) % 3 == 0).Select(info => info.Path)];
            int seed = i;
            all.Add(_local.Add(
                $"package-{i}",
                path =>
                {
                    Directory.CreateDirectory(Path.Combine(path, "bin"));
                    File.WriteAllBytes(Path.Combine(path, "bin", "program"), [.. Noise(seed, 40_000 * seed), .. references.SelectMany(Mention)]);
                    File.WriteAllBytes(Path.Combine(path, "shared"), Noise(1000, 300_000));
                    File.CreateSymbolicLink(Path.Combine(path, "link"), "bin/program");
                },
                references));
        }

        var top = _local.AddFile("top", [.. all.SelectMany(info => Mention(info.Path))], [.. all.Select(info => info.Path)]);
        all.Add(top);
        _local.Save();
        return (top.Path, all);
    }

    private static byte[] Mention(StorePath path) => Encoding.ASCII.GetBytes(StoreDirectory.Default.Print(path) + "\n");

    internal static byte[] Noise(int seed, int length)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    private Task<(PushResult Result, PushProgress Progress)> PushAsync(StorePath root) => PushAsync([root], new PushOptions());

    private Task<(PushResult Result, PushProgress Progress)> PushAsync(StorePath[] roots) => PushAsync(roots, new PushOptions());

    private async Task<(PushResult Result, PushProgress Progress)> PushAsync(StorePath[] roots, PushOptions options)
    {
        using var store = LocalNixStore.Open(_local.Root);
        var reported = new List<PushedPath>();
        var pusher = new Pusher(_server, store, options, TimeProvider.System) { PathDone = reported.Add };
        var result = await pusher.PushAsync(roots, TestContext.Current.CancellationToken);
        Assert.Equal(result.Paths, reported);
        return (result, pusher.Progress);
    }
}
