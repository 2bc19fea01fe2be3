using System.Runtime.InteropServices;
using Grpc.Core;
using NixFuseStore.Content;
using NixFuseStore.Protocol;

namespace NixFuseStore.Server.Content;

/// <summary>What a read request names: chunk ranges of manifests, in the order asked for.</summary>
internal sealed class WantedChunks
{
    private WantedChunks(ManifestDigest[] manifests, (int Manifest, uint First, uint Count)[] ranges)
    {
        Manifests = manifests;
        Ranges = ranges;
    }

    /// <summary>The manifests by their index in the request.</summary>
    public IReadOnlyList<ManifestDigest> Manifests { get; }

    /// <summary>The ranges of ordinals. No sum of a first ordinal and its count overflows.</summary>
    public IReadOnlyList<(int Manifest, uint First, uint Count)> Ranges { get; }

    public static WantedChunks Of(ManifestDigest manifest, uint first, uint count, int chunksMax)
    {
        var range = (Manifest: 0, First: first, Count: count);
        Check([range], chunksMax);
        return new WantedChunks([manifest], [range]);
    }

    /// <exception cref="RpcException">The request makes no sense, or asks for too much.</exception>
    public static WantedChunks Parse(ReadChunksRequest request, int chunksMax)
    {
        var manifests = new ManifestDigest[request.Manifests.Count];
        var ranges = new List<(int Manifest, uint First, uint Count)>();
        for (var i = 0; i < manifests.Length; i++)
        {
            var chunks = request.Manifests[i];
            if (chunks.ManifestDigest.Length != ManifestDigest.Size || chunks.Ranges.Count % 2 != 0)
            {
                throw new RpcException(new Status(StatusCode.InvalidArgument, "a manifest digest must have 32 bytes, and ranges must be pairs"));
            }

            manifests[i] = ManifestDigest.Read(chunks.ManifestDigest.Span);
            for (var r = 0; r < chunks.Ranges.Count; r += 2)
            {
                ranges.Add((i, chunks.Ranges[r], chunks.Ranges[r + 1]));
            }
        }

        Check(CollectionsMarshal.AsSpan(ranges), chunksMax);
        return new WantedChunks(manifests, [.. ranges]);
    }

    private static void Check(ReadOnlySpan<(int Manifest, uint First, uint Count)> ranges, int chunksMax)
    {
        ulong total = 0;
        foreach (var (_, first, count) in ranges)
        {
            total += count;
            if ((ulong)first + count > uint.MaxValue || total > (ulong)chunksMax)
            {
                throw new RpcException(new Status(StatusCode.InvalidArgument, $"at most {chunksMax} chunks can be asked for at once"));
            }
        }
    }
}
