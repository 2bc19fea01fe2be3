using Google.Protobuf;
using Grpc.Core;
using NixFuseStore.Content;
using NixFuseStore.Native.Compression;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;
using NixFuseStore.Server.Tests.Samples;
using NixFuseStore.Testing.Stores;
using Xunit;
using Outcome = NixFuseStore.Protocol.RegisterPathResult.Types.Outcome;

namespace NixFuseStore.Server.Tests.Services;

/// <summary>Every rpc over real sockets, on either database.</summary>
public abstract partial class StoreRpcTests : IAsyncLifetime
{
    private TestServer _server = null!;

    public async ValueTask InitializeAsync() =>
        _server = await TestServer.StartAsync(heartbeat: TimeSpan.FromMilliseconds(300), metadata: await CreateDatabaseAsync());

    protected abstract Task<string?> CreateDatabaseAsync();

    public async ValueTask DisposeAsync()
    {
        // There is no server where the database is missing and the test was skipped.
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }

        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task GetStore_FirstStart_MakesMain()
    {
        var store = await _server.Client.GetStoreAsync(new GetStoreRequest { Store = "main" });
        Assert.Equal(("main", "/nix/store", ChunkingParameters.Current.Id), (store.Store, store.StoreDirectory, store.ChunkingParameters));
        Assert.Equal(16, store.StoreId.Length);
        Assert.True(store.MayWrite && store.MayAdminister);
        Assert.Single(store.PublicKeys);
        Assert.Equal(0ul, store.HeadEvent);
    }

    [Fact]
    public async Task GetStore_Unknown_NotFound()
    {
        var e = await Assert.ThrowsAsync<RpcException>(() => _server.Client.GetStoreAsync(new GetStoreRequest { Store = "none" }));
        Assert.Equal(StatusCode.NotFound, e.StatusCode);
    }

    [Fact]
    public async Task RegisterPaths_Inline_IsValidSignedAndReadable()
    {
        var sample = SamplePath.Create("hello", FakeTree.Directory(("bin", FakeTree.Directory(("hello", FakeTree.File("#!/bin/sh\necho hello\n", true))))));
        var result = await _server.RegisterAsync(sample.ToMessage());
        Assert.Equal(Outcome.Registered, result.Outcome);

        var store = await _server.Client.GetStoreAsync(new GetStoreRequest { Store = "main" });
        var key = NixPublicKey.Parse(store.PublicKeys[0]);
        var record = (await QueryAsync(sample)).Single();
        var info = new PathInfo { Path = sample.Path, NarHash = sample.NarHash, NarSize = sample.NarSize };
        var statement = new PathStatement("main", StoreDirectory.Default, info, sample.Manifest.Digest);
        Assert.True(statement.IsSignedByAny([key], record.StoreSignatures.Select(NixSignature.Parse)));
        Assert.True((info with { Signatures = [.. record.Signatures.Select(NixSignature.Parse)] }).IsSignedByAny(StoreDirectory.Default, [key]));
        Assert.InRange(record.RegistrationTime, DateTimeOffset.UtcNow.AddMinutes(-5).ToUnixTimeSeconds(), DateTimeOffset.UtcNow.AddMinutes(5).ToUnixTimeSeconds());
        Assert.Equal(sample.NarHash, sample.HashOf(await _server.Data.ReadAllAsync(sample)));
    }

    [Fact]
    public async Task RegisterPaths_Uploaded_AsksForMissingChunksFirst()
    {
        var sample = SamplePath.CreateRandom("large", 3, 700_000);
        var missing = await _server.RegisterAsync(sample.ToMessage(inline: false));
        Assert.Equal(Outcome.MissingChunks, missing.Outcome);
        Assert.Equal(sample.Chunks.Count * ChunkId.Size, missing.MissingChunkIds.Length);
        Assert.Empty(await QueryAsync(sample));

        var uploaded = await _server.Data.UploadAsync(sample.Chunks.Values);
        Assert.Equal((uint)sample.Chunks.Count, uploaded.Stored);
        Assert.Equal(Outcome.Registered, (await _server.RegisterAsync(sample.ToMessage(inline: false))).Outcome);
        Assert.Equal(sample.NarHash, sample.HashOf(await _server.Data.ReadAllAsync(sample)));
    }

    [Fact]
    public async Task RegisterPaths_Again_AlreadyValidAndSignaturesAreKept()
    {
        var sample = SamplePath.CreateRandom("again", 1, 100);
        Assert.Equal(Outcome.Registered, (await _server.RegisterAsync(sample.ToMessage())).Outcome);
        var signature = NixSecretKey.Generate("builder-1").Sign("x"u8).ToString();
        var again = sample.ToMessage();
        again.Path.Signatures.Add(signature);
        var result = await _server.RegisterAsync(again);
        Assert.Equal(Outcome.AlreadyValid, result.Outcome);
        Assert.Contains(signature, result.Path.Signatures);
        Assert.Contains(signature, (await QueryAsync(sample)).Single().Signatures);
    }

    [Fact]
    public async Task RegisterPaths_OtherContentForSamePath_ConflictNamesBoth()
    {
        var first = SamplePath.CreateRandom("same", 1, 100);
        await _server.RegisterAllAsync(first);
        var second = SamplePath.Create(first.Path, FakeTree.File("other"));
        var result = await _server.RegisterAsync(second.ToMessage());
        Assert.Equal(Outcome.Conflict, result.Outcome);
        Assert.Equal(first.NarHash.ToArray(), result.Path.NarHash.ToByteArray());
        Assert.Contains(first.NarHash.ToString(), result.Message, StringComparison.Ordinal);
        Assert.Contains(second.NarHash.ToString(), result.Message, StringComparison.Ordinal);
        Assert.Equal(first.NarHash, first.HashOf(await _server.Data.ReadAllAsync(first)));
    }

    [Fact]
    public async Task RegisterPaths_ReferenceNotValid_IsToldWhich()
    {
        var missing = SamplePath.CreateRandom("dependency", 1, 10);
        var sample = SamplePath.Create("referrer", FakeTree.File($"/nix/store/{missing.Path}"), missing.Path);
        var result = await _server.RegisterAsync(sample.ToMessage());
        Assert.Equal((Outcome.MissingReferences, missing.Path.BaseName), (result.Outcome, result.MissingReferences.Single()));
        await _server.RegisterAllAsync(missing, sample);
    }

    [Fact]
    public async Task RegisterPaths_OneBadAmongGood_OthersAreRegistered()
    {
        var good = SamplePath.CreateRandom("good", 1, 10);
        var bad = SamplePath.CreateRandom("bad", 1, 10).ToMessage();
        bad.Path.NarSize++;
        var request = new RegisterPathsRequest { Store = "main" };
        request.Paths.Add(bad);
        request.Paths.Add(good.ToMessage());
        var response = await _server.Client.RegisterPathsAsync(request);
        Assert.Equal([Outcome.Refused, Outcome.Registered], response.Results.Select(result => result.Outcome));
    }

    [Fact]
    public async Task RegisterPaths_ManyTiny_ShareAFewFlushes()
    {
        var samples = Enumerable.Range(0, 500).Select(i => SamplePath.Create($"tiny-{i}", FakeTree.File($"content {i}"))).ToArray();
        await _server.RegisterAllAsync(samples);
        Assert.Equal(500ul, (await _server.Client.GetStoreAsync(new GetStoreRequest { Store = "main" })).HeadEvent);
        Assert.Equal(500, (await QueryAsync(samples)).Count);
    }

    [Fact]
    public async Task FindMissingChunks_SomeKnown_BitsSayWhich()
    {
        var sample = SamplePath.CreateRandom("known", 1, 100);
        await _server.RegisterAllAsync(sample);
        var request = new FindMissingChunksRequest { Store = "main" };
        var ids = new List<byte>();
        for (var i = 0; i < 20; i++)
        {
            ids.AddRange(i % 3 == 0 ? sample.Chunks.Keys.First().ToArray() : ChunkId.Compute([(byte)i]).ToArray());
        }

        request.ChunkIds = ByteString.CopyFrom([.. ids]);
        var missing = (await _server.Client.FindMissingChunksAsync(request)).Missing;
        Assert.Equal(3, missing.Length);
        for (var i = 0; i < 20; i++)
        {
            Assert.Equal(i % 3 == 0 ? 0 : 1, (missing[i / 8] >> (i % 8)) & 1);
        }
    }

    [Fact]
    public async Task ListPaths_PrefixAfterLimit_InBytewiseOrder()
    {
        Assert.Empty((await ListAsync(new ListPathsRequest { Store = "main" })).Entries);
        var samples = Enumerable.Range(0, 30).Select(i => SamplePath.Create($"p{i}", FakeTree.File($"{i}", i % 2 == 0))).ToArray();
        await _server.RegisterAllAsync(samples);
        string[] names = [.. samples.Select(sample => sample.Path.BaseName).Order(StringComparer.Ordinal)];
        var (all, head) = await ListAsync(new ListPathsRequest { Store = "main" });
        Assert.Equal(names, all.Select(entry => entry.BaseName));
        Assert.Equal(30ul, head);
        Assert.All(all, entry => Assert.Equal((uint)EntryKind.Regular, entry.RootKind));
        Assert.Equal(15, all.Count(entry => entry.RootExecutable));
        Assert.Equal(names[10..15], (await ListAsync(new ListPathsRequest { Store = "main", After = names[9], Limit = 5 })).Entries.Select(entry => entry.BaseName));
        var prefix = names[0][..2];
        Assert.Equal(
            names.Where(name => name.StartsWith(prefix, StringComparison.Ordinal)),
            (await ListAsync(new ListPathsRequest { Store = "main", Prefix = prefix })).Entries.Select(entry => entry.BaseName));
    }

    [Fact]
    public async Task GetClosure_WithSections_BringsEveryTreeOnce()
    {
        var a = SamplePath.Create("a", FakeTree.Directory(("x", FakeTree.File("one"))));
        var b = SamplePath.Create("b", FakeTree.Directory(("x", FakeTree.File("one"))), a.Path);
        var c = SamplePath.Create("c", FakeTree.Directory(("y", FakeTree.Link($"/nix/store/{b.Path}"))), b.Path);
        await _server.RegisterAllAsync(a, b, c);
        var request = new GetClosureRequest { Store = "main", InlineSectionBytes = 1 << 20 };
        request.HashParts.AddRange([c.Path.HashPart, "00000000000000000000000000000000"]);
        var items = new List<ClosureItem>();
        var notValid = new List<string>();
        await foreach (var message in _server.Client.GetClosureAsync(request, null, TestServer.Cancellation))
        {
            items.AddRange(message.Items);
            notValid.AddRange(message.NotValid);
        }

        Assert.Equal(["00000000000000000000000000000000"], notValid);
        Assert.Equal(c.Path.BaseName, items[0].Path.BaseName);
        Assert.Equal(3, items.Count);
        var sections = items.SelectMany(item => item.Sections).ToDictionary(section => section.Digest);
        foreach (var sample in new[] { a, b, c })
        {
            var section = sections[ByteString.CopyFrom(sample.Manifest.Header.GetDigest(ManifestSection.Tree).ToArray())];
            var plain = new byte[section.PlainLength];
            Assert.True(Zstd.TryDecompress(section.Zstd.Span, plain, out _));
            Assert.True(sample.Manifest.Header.Matches(ManifestSection.Tree, plain));
        }
    }

    [Fact]
    public async Task GetClosure_WithSectionsOfAskedPaths_BringsNoOthers()
    {
        var a = SamplePath.Create("a", FakeTree.Directory(("x", FakeTree.File("one"))));
        var b = SamplePath.Create("b", FakeTree.Directory(("y", FakeTree.File("two"))), a.Path);
        await _server.RegisterAllAsync(a, b);
        var request = new GetClosureRequest { Store = "main", InlineAskedSectionBytes = 1 << 20 };
        request.HashParts.Add(b.Path.HashPart);

        var items = (await CollectAsync(_server.Client.GetClosureAsync(request, null, TestServer.Cancellation))).SelectMany(message => message.Items).ToArray();

        Assert.Equal([b.Path.BaseName, a.Path.BaseName], items.Select(item => item.Path.BaseName));
        Assert.Contains(items[0].Sections, section => section.Digest == ByteString.CopyFrom(b.Manifest.Header.GetDigest(ManifestSection.Tree).ToArray()));
        Assert.Empty(items[1].Sections);
    }

    [Fact]
    public async Task GetClosure_BoundedOrRootsOnly_SaysSo()
    {
        var a = SamplePath.CreateRandom("a", 1, 10);
        var b = SamplePath.CreateRandom("b", 1, 10, a.Path);
        await _server.RegisterAllAsync(a, b);
        var request = new GetClosureRequest { Store = "main", MaxPaths = 1 };
        request.HashParts.Add(b.Path.HashPart);
        var messages = await CollectAsync(_server.Client.GetClosureAsync(request, null, TestServer.Cancellation));
        Assert.True(messages[^1].Truncated);
        Assert.Equal([b.Path.BaseName], messages.SelectMany(message => message.Items).Select(item => item.Path.BaseName));
        Assert.Empty(messages.SelectMany(message => message.Items).SelectMany(item => item.Sections));
        request = new GetClosureRequest { Store = "main", NoReferences = true };
        request.HashParts.Add(b.Path.HashPart);
        messages = await CollectAsync(_server.Client.GetClosureAsync(request, null, TestServer.Cancellation));
        Assert.False(messages[^1].Truncated);
        Assert.Single(messages.SelectMany(message => message.Items));
    }

    [Fact]
    public async Task RegisterPaths_ManySmallCallsAtOnce_EachGetsItsOwnAnswer()
    {
        var paths = Enumerable.Range(0, 30).Select(i => SamplePath.CreateRandom($"p{i}", 1, 100)).ToArray();
        var lies = Enumerable.Range(0, 5).Select(_ =>
        {
            var lie = SamplePath.CreateRandom("lie", 1, 100).ToMessage();
            lie.Path.NarSize++;
            return lie;
        });
        NewPath[] messages = [.. paths.Select(path => path.ToMessage()), .. paths.Take(5).Select(path => path.ToMessage()), .. lies];

        var results = await Task.WhenAll(messages.Select(message => _server.RegisterAsync(message)));

        Assert.All(results[35..], result => Assert.Equal(Outcome.Refused, result.Outcome));
        Assert.All(results[5..30], result => Assert.Equal(Outcome.Registered, result.Outcome));
        for (var i = 0; i < 5; i++)
        {
            Assert.Equal([Outcome.Registered, Outcome.AlreadyValid], new[] { results[i].Outcome, results[30 + i].Outcome }.Order());
        }

        Assert.All(results[..35], (result, i) => Assert.Equal(messages[i].Path.BaseName, result.Path.BaseName));
        Assert.Equal(30, (await QueryAsync(paths)).Count);
    }

    [Fact]
    public async Task GetSections_OfValidPaths_OthersAreLeftOut()
    {
        var sample = SamplePath.CreateRandom("s", 5, 10);
        var stranger = SamplePath.CreateRandom("t", 5, 10);
        await _server.RegisterAllAsync(sample);
        var request = new GetSectionsRequest { Store = "main" };
        foreach (var path in new[] { sample, stranger, sample })
        {
            request.Sections.Add(new SectionName
            {
                ManifestDigest = ByteString.CopyFrom(path.Manifest.Digest.ToArray()),
                SectionDigest = ByteString.CopyFrom(path.Manifest.Header.GetDigest(ManifestSection.Chunks).ToArray()),
            });
        }

        var messages = await CollectAsync(_server.Client.GetSectionsAsync(request, null, TestServer.Cancellation));
        var section = messages.SelectMany(message => message.Sections).Single();
        Assert.Equal(sample.Manifest.Header.GetDigest(ManifestSection.Chunks).ToArray(), section.Digest.ToByteArray());
    }

    [Fact]
    public async Task RevokePaths_WithReferrer_NeedsBoth()
    {
        var a = SamplePath.CreateRandom("a", 1, 10);
        var b = SamplePath.CreateRandom("b", 1, 10, a.Path);
        await _server.RegisterAllAsync(a, b);
        Assert.NotEmpty(await _server.Data.ReadAllAsync(a));
        var request = new RevokePathsRequest { Store = "main" };
        request.BaseNames.Add(a.Path.BaseName);
        var e = await Assert.ThrowsAsync<RpcException>(() => _server.Client.RevokePathsAsync(request));
        Assert.Equal(StatusCode.FailedPrecondition, e.StatusCode);
        Assert.Contains(b.Path.BaseName, e.Status.Detail, StringComparison.Ordinal);
        request.BaseNames.Add(b.Path.BaseName);
        Assert.Equal(2, (await _server.Client.RevokePathsAsync(request)).Revoked.Count);
        Assert.Empty(await QueryAsync(a, b));

        // Its chunks cannot be read any more either, although their places had been remembered.
        await Eventually.HoldsAsync(async () =>
            (await _server.Data.ReadAsync(DataPlaneHelp.AskFor(a, 0, 1))).Single().Header.Status == Protocol.DataPlane.FrameStatus.NoSuchManifest);
    }

    [Fact]
    public async Task Watch_RegistrationAndRemoval_AreToldInOrder()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestServer.Cancellation);
        stop.CancelAfter(TimeSpan.FromSeconds(20));
        await using var watch = _server.Client.WatchAsync(new WatchRequest { Store = "main" }, null, stop.Token).GetAsyncEnumerator(stop.Token);
        Assert.True(await watch.MoveNextAsync());
        Assert.Empty(watch.Current.Events);

        var sample = SamplePath.CreateRandom("seen", 1, 10);
        await _server.RegisterAllAsync(sample);
        var request = new RevokePathsRequest { Store = "main" };
        request.BaseNames.Add(sample.Path.BaseName);
        await _server.Client.RevokePathsAsync(request);

        var events = new List<StoreEvent>();
        var heartbeats = 0;
        while (events.Count < 2 || heartbeats == 0)
        {
            Assert.True(await watch.MoveNextAsync());
            events.AddRange(watch.Current.Events);
            heartbeats += watch.Current.Events.Count == 0 ? 1 : 0;
        }

        Assert.Equal([(1ul, StoreEvent.Types.Kind.Registered), (2ul, StoreEvent.Types.Kind.Removed)], events.Select(e => (e.Number, e.Kind)));
        Assert.All(events, e => Assert.Equal(sample.Path.BaseName, e.BaseName));
    }

    [Fact]
    public async Task Watch_NumberNeverGivenOut_Resyncs()
    {
        await foreach (var message in _server.Client.WatchAsync(new WatchRequest { Store = "main", AfterEvent = 1000 }, null, TestServer.Cancellation))
        {
            Assert.True(message.Resync);
            break;
        }
    }

    [Fact]
    public async Task QueryPaths_NoHashPart_InvalidArgument()
    {
        var request = new QueryPathsRequest { Store = "main" };
        request.HashParts.Add("../../etc/passwd");
        Assert.Equal(StatusCode.InvalidArgument, (await Assert.ThrowsAsync<RpcException>(() => _server.Client.QueryPathsAsync(request))).StatusCode);
    }

    private async Task<IList<PathRecord>> QueryAsync(params SamplePath[] samples)
    {
        var request = new QueryPathsRequest { Store = "main" };
        request.HashParts.AddRange(samples.Select(sample => sample.Path.HashPart));
        return (await _server.Client.QueryPathsAsync(request)).Paths;
    }

    private async Task<(List<PathEntry> Entries, ulong Head)> ListAsync(ListPathsRequest request)
    {
        var messages = await CollectAsync(_server.Client.ListPathsAsync(request, null, TestServer.Cancellation));
        return ([.. messages.SelectMany(message => message.Entries)], messages[0].HeadEvent);
    }

    private static async Task<List<T>> CollectAsync<T>(IAsyncEnumerable<T> messages)
    {
        var list = new List<T>();
        await foreach (var message in messages)
        {
            list.Add(message);
        }

        return list;
    }
}
