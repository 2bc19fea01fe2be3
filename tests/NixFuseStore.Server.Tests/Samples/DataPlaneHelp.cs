using Google.Protobuf;
using NixFuseStore.Content;
using NixFuseStore.Native.Compression;
using NixFuseStore.Protocol;
using NixFuseStore.Protocol.DataPlane;
using Xunit;

namespace NixFuseStore.Server.Tests.Samples;

/// <summary>Uploads and reads as a client does.</summary>
internal static class DataPlaneHelp
{
    public static Task<UploadChunksResponse> UploadAsync(this DataPlaneClient client, IEnumerable<byte[]> chunks, string store = "main") =>
        client.UploadChunksAsync(
            store,
            async (writer, cancellation) =>
            {
                foreach (var chunk in chunks)
                {
                    var frame = Zstd.Compress(chunk, 3);
                    var id = ChunkId.Compute(chunk).ToArray();
                    await (frame.Length < chunk.Length
                        ? writer.WriteAsync(id, ChunkEncoding.Zstd, chunk.Length, frame, cancellation)
                        : writer.WriteAsync(id, ChunkEncoding.Plain, chunk.Length, chunk, cancellation));
                }
            },
            TestServer.Cancellation);

    public static ReadChunksRequest AskFor(SamplePath path, params uint[] ranges)
    {
        var manifest = new ManifestChunks { ManifestDigest = ByteString.CopyFrom(path.Manifest.Digest.ToArray()) };
        manifest.Ranges.AddRange(ranges);
        var request = new ReadChunksRequest();
        request.Manifests.Add(manifest);
        return request;
    }

    /// <summary>Reads frames to the end.</summary>
    public static async Task<List<(FrameHeader Header, byte[] Payload)>> ReadAsync(this DataPlaneClient client, ReadChunksRequest request, string store = "main")
    {
        using var reader = await client.ReadChunksAsync(store, request, TestServer.Cancellation);
        var frames = new List<(FrameHeader, byte[])>();
        while (await reader.MoveNextAsync(TestServer.Cancellation))
        {
            frames.Add((reader.Header, reader.Payload.ToArray()));
        }

        return frames;
    }

    /// <summary>The plain chunk, compared with its name.</summary>
    public static byte[] Decode(SamplePath path, (FrameHeader Header, byte[] Payload) frame)
    {
        Assert.Equal(FrameStatus.Ok, frame.Header.Status);
        var ordinal = (int)frame.Header.Ordinal;
        var plain = frame.Payload;
        if (frame.Header.Encoding == ChunkEncoding.Zstd)
        {
            plain = new byte[path.ChunkList.Length(ordinal)];
            Assert.True(Zstd.TryDecompress(frame.Payload, plain, out _));
        }

        Assert.Equal(path.ChunkList.Id(ordinal), ChunkId.Compute(plain));
        return plain;
    }

    /// <summary>Reads all chunks of a path.</summary>
    public static async Task<Dictionary<ChunkId, byte[]>> ReadAllAsync(this DataPlaneClient client, SamplePath path, string store = "main")
    {
        var frames = await client.ReadAsync(AskFor(path, 0, (uint)path.ChunkList.Count), store);
        Assert.Equal(path.ChunkList.Count, frames.Count);
        return frames.Select(frame => Decode(path, frame)).DistinctBy(plain => ChunkId.Compute(plain)).ToDictionary(plain => ChunkId.Compute(plain));
    }
}
