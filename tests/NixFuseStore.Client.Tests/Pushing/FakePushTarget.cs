using System.Collections.Concurrent;
using Google.Protobuf;
using NixFuseStore.Client.Push;
using NixFuseStore.Content;
using NixFuseStore.Native.Compression;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;
using NixFuseStore.Protocol.DataPlane;
using Outcome = NixFuseStore.Protocol.RegisterPathResult.Types.Outcome;

namespace NixFuseStore.Client.Tests.Pushing;

/// <summary>A server in memory that believes nothing: it verifies every chunk and every path as a real one does.</summary>
internal sealed class FakePushTarget : IPushTarget, IChunkSource
{
    private readonly Lock _gate = new();

    internal ConcurrentDictionary<ChunkId, byte[]> Chunks { get; } = [];

    internal Dictionary<string, PathRecord> Paths { get; } = [];

    /// <summary>Called before each call with its name; what it throws fails the call.</summary>
    internal Func<string, Task>? BeforeCall { get; set; }

    /// <summary>Called before each registration, with the chance to take chunks away.</summary>
    internal Action<RegisterPathsRequest>? BeforeRegistration { get; set; }

    internal ConcurrentDictionary<string, int> Calls { get; } = [];

    internal string StoreDirectoryPath { get; set; } = "/nix/store";

    internal bool MayWrite { get; set; } = true;

    internal uint ChunkingParametersId { get; set; } = ChunkingParameters.Current.Id;

    public string StoreName => "main";

    public async Task<GetStoreResponse> GetStoreAsync(CancellationToken cancellationToken)
    {
        await EnterAsync("GetStore");
        return new GetStoreResponse
        {
            Store = "main",
            StoreDirectory = StoreDirectoryPath,
            MayWrite = MayWrite,
            ChunkingParameters = ChunkingParametersId,
        };
    }

    public async Task<QueryPathsResponse> QueryPathsAsync(QueryPathsRequest request, CancellationToken cancellationToken)
    {
        await EnterAsync("QueryPaths");
        Assert.InRange(request.HashParts.Count, 1, 1000);
        var response = new QueryPathsResponse();
        lock (_gate)
        {
            response.Paths.AddRange(request.HashParts.Where(Paths.ContainsKey).Select(hash => Paths[hash]));
        }

        return response;
    }

    public async Task<FindMissingChunksResponse> FindMissingChunksAsync(FindMissingChunksRequest request, CancellationToken cancellationToken)
    {
        await EnterAsync("FindMissingChunks");
        byte[] ids = request.ChunkIds.ToByteArray();
        Assert.InRange(ids.Length, 32, 65_536 * 32);
        var missing = new byte[((ids.Length / 32) + 7) / 8];
        for (int i = 0; i < ids.Length / 32; i++)
        {
            if (!Chunks.ContainsKey(ChunkId.Read(ids.AsSpan(i * 32))))
            {
                missing[i / 8] |= (byte)(1 << (i % 8));
            }
        }

        return new FindMissingChunksResponse { Missing = ByteString.CopyFrom(missing) };
    }

    public Task<UploadNarResponse> UploadNarAsync(Func<Stream, CancellationToken, Task> write, ulong? bytes, CancellationToken cancellationToken) =>
        throw new NotSupportedException("A push cuts what it sends.");

    public async Task UploadAsync(IReadOnlyList<PackedChunk> chunks, CancellationToken cancellationToken)
    {
        await EnterAsync("Upload");
        foreach (var chunk in chunks)
        {
            var plain = new byte[chunk.PlainLength];
            if (chunk.Encoding == ChunkEncoding.Zstd)
            {
                Assert.True(Zstd.TryDecompress(chunk.Stored.Span, plain, out _));
                Assert.True(chunk.Stored.Length < chunk.PlainLength);
            }
            else
            {
                chunk.Stored.CopyTo(plain);
            }

            Assert.Equal(chunk.Id, ChunkId.Compute(plain));
            Assert.True(Chunks.TryAdd(chunk.Id, plain), "A chunk was sent twice.");
        }
    }

    public async Task<RegisterPathsResponse> RegisterPathsAsync(RegisterPathsRequest request, ulong narBytes, CancellationToken cancellationToken)
    {
        await EnterAsync("RegisterPaths");
        BeforeRegistration?.Invoke(request);
        Assert.Equal(narBytes, request.Paths.Aggregate(0UL, (sum, path) => sum + path.Path.NarSize));
        var response = new RegisterPathsResponse();
        lock (_gate)
        {
            response.Results.AddRange(request.Paths.Select(Register));
        }

        return response;
    }

    public void Read(in ChunkId id, Span<byte> destination) => Chunks[id].CopyTo(destination);

    private async Task EnterAsync(string call)
    {
        Calls.AddOrUpdate(call, 1, (_, count) => count + 1);
        if (BeforeCall is { } before)
        {
            await before(call);
        }
    }

    private RegisterPathResult Register(NewPath path)
    {
        var record = path.Path;
        string hashPart = record.BaseName[..32];
        if (Paths.TryGetValue(hashPart, out var existing))
        {
            var outcome = existing.NarHash == record.NarHash ? Outcome.AlreadyValid : Outcome.Conflict;
            return new RegisterPathResult { Outcome = outcome, Path = existing };
        }

        var missing = record.References.Where(reference => reference != record.BaseName && !Paths.ContainsKey(reference[..32])).ToArray();
        if (missing.Length > 0)
        {
            var result = new RegisterPathResult { Outcome = Outcome.MissingReferences };
            result.MissingReferences.AddRange(missing);
            return result;
        }

        foreach (var inline in path.InlineChunks)
        {
            Chunks[ChunkId.Compute(inline.Span)] = inline.ToByteArray();
        }

        Assert.True(ManifestHeader.TryParse(record.ManifestHeader.Span, out var header));
        var manifest = Manifest.Create(header!, Plain(path, header!, ManifestSection.Tree), Plain(path, header!, ManifestSection.Chunks), Plain(path, header!, ManifestSection.Blanks));
        var chunks = header!.OpenChunks(manifest.Chunks);
        var gone = Enumerable.Range(0, chunks.Count).Select(i => chunks.Id(i)).Where(id => !Chunks.ContainsKey(id)).Distinct().ToArray();
        if (gone.Length > 0)
        {
            return new RegisterPathResult { Outcome = Outcome.MissingChunks, MissingChunkIds = ByteString.CopyFrom([.. gone.SelectMany(id => id.ToArray())]) };
        }

        var narHash = new NixHash(NixHashAlgorithm.Sha256, record.NarHash.Span);
        if (!ManifestVerifier.TryVerify(manifest, this, StoreDirectory.Default, narHash, record.NarSize, out string? fault))
        {
            return new RegisterPathResult { Outcome = Outcome.Refused, Message = fault };
        }

        Paths.Add(hashPart, record);
        return new RegisterPathResult { Outcome = Outcome.Registered, Path = record };
    }

    private static byte[] Plain(NewPath path, ManifestHeader header, ManifestSection name)
    {
        var plain = new byte[header.GetLength(name)];
        if (plain.Length > 0)
        {
            var section = path.Sections.Single(section => section.Digest.Span.SequenceEqual(header.GetDigest(name).ToArray()));
            Assert.Equal((uint)plain.Length, section.PlainLength);
            Assert.True(Zstd.TryDecompress(section.Zstd.Span, plain, out _));
        }

        return plain;
    }
}
