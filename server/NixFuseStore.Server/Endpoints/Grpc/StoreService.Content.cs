using Grpc.Core;
using NixFuseStore.Content;
using NixFuseStore.Protocol;
using NixFuseStore.Server.Base;
using NixFuseStore.Storage.Metadata;
using static NixFuseStore.Server.Endpoints.Grpc.RequestChecks;
using SectionName = NixFuseStore.Storage.Metadata.SectionName;

namespace NixFuseStore.Server.Endpoints.Grpc;

/// <summary>What streams records and manifest sections.</summary>
internal sealed partial class StoreService
{
    /// <summary>Paths whose sections are read in one go.</summary>
    private const int PathsPerRead = 256;

    /// <summary>Sections that are read in one go.</summary>
    private const int SectionsPerRead = 64;

    /// <summary>Room that a message takes besides its sections, roughly.</summary>
    private const int RecordBytes = 512;

    /// <summary>The same for one number of a path's used chunks.</summary>
    private const int UsedChunkBytes = 2;

    public override Task GetClosure(GetClosureRequest request, IServerStreamWriter<GetClosureResponse> responseStream, ServerCallContext context) =>
        SendAsync(GetClosureAsync(request, CallContext.Of(context)), responseStream);

    private async IAsyncEnumerable<GetClosureResponse> GetClosureAsync(GetClosureRequest request, CallContext call)
    {
        var store = await RequireAsync(call, request.Store, AccessRights.Read).ConfigureAwait(false);
        CheckHashParts(request.HashParts, limits.ClosurePathsMax);
        var maxPaths = request.MaxPaths == 0 ? limits.ClosurePathsMax : (int)Math.Min(request.MaxPaths, (uint)limits.ClosurePathsMax);
        var closure = await metadata.GetClosureAsync(store.Id, request.HashParts, maxPaths, !request.NoReferences, call.Cancellation).ConfigureAwait(false);

        var plainBytesMax = (int)Math.Min(request.InlineSectionBytes, int.MaxValue);
        var askedPlainBytesMax = Math.Max(plainBytesMax, (int)Math.Min(request.InlineAskedSectionBytes, int.MaxValue));
        var asked = request.HashParts.ToHashSet(StringComparer.Ordinal);
        var message = new GetClosureResponse();
        message.NotValid.AddRange(closure.NotValid);
        var sent = new HashSet<SectionDigest>();
        var bytes = 0;
        for (var start = 0; start < closure.Paths.Count; start += PathsPerRead)
        {
            var paths = closure.Paths.Skip(start).Take(PathsPerRead).ToArray();
            var sections = await SmallSectionsAsync(paths, asked, askedPlainBytesMax, plainBytesMax, call.Cancellation).ConfigureAwait(false);
            var used = request.WithUsedChunks
                ? await metadata.GetUsedChunksAsync(store.Id, [.. paths.Select(path => path.ManifestDigest)], call.Cancellation).ConfigureAwait(false)
                : null;
            foreach (var path in paths)
            {
                var item = new ClosureItem { Path = Records.ToMessage(path) };
                bytes += RecordBytes;
                foreach (var run in used?.GetValueOrDefault(path.ManifestDigest) ?? [])
                {
                    item.UsedChunks.Add((uint)run.First);
                    item.UsedChunks.Add((uint)run.Count);
                }

                bytes += item.UsedChunks.Count * UsedChunkBytes;
                foreach (var section in sections[path.ManifestDigest])
                {
                    // A section that several paths share travels with the first of them.
                    if (sent.Add(section.Digest))
                    {
                        item.Sections.Add(Records.ToMessage(section));
                        bytes += section.Zstd.Length;
                    }
                }

                message.Items.Add(item);
                if (bytes >= limits.StreamBatchBytes)
                {
                    yield return message;
                    message = new GetClosureResponse();
                    bytes = 0;
                }
            }
        }

        message.Truncated = closure.Truncated;
        yield return message;
    }

    public override Task GetSections(GetSectionsRequest request, IServerStreamWriter<GetSectionsResponse> responseStream, ServerCallContext context) =>
        SendAsync(GetSectionsAsync(request, CallContext.Of(context)), responseStream);

    private async IAsyncEnumerable<GetSectionsResponse> GetSectionsAsync(GetSectionsRequest request, CallContext call)
    {
        var store = await RequireAsync(call, request.Store, AccessRights.Read).ConfigureAwait(false);
        if (request.Sections.Count > limits.SectionsMax)
        {
            throw Invalid($"at most {limits.SectionsMax} sections can be asked for at once");
        }

        var names = request.Sections.Select(Parse).Distinct().ToArray();
        var message = new GetSectionsResponse();
        var bytes = 0;
        for (var start = 0; start < names.Length; start += SectionsPerRead)
        {
            var group = names.Skip(start).Take(SectionsPerRead).ToArray();
            foreach (var section in await metadata.GetSectionsAsync(store.Id, group, call.Cancellation).ConfigureAwait(false))
            {
                if (bytes > 0 && bytes + section.Zstd.Length > limits.StreamBatchBytes)
                {
                    yield return message;
                    message = new GetSectionsResponse();
                    bytes = 0;
                }

                message.Sections.Add(Records.ToMessage(section));
                bytes += section.Zstd.Length;
            }
        }

        yield return message;
    }

    private async Task<ILookup<ManifestDigest, StoredSection>> SmallSectionsAsync(
        StoredPath[] paths, HashSet<string> asked, int askedPlainBytesMax, int plainBytesMax, CancellationToken cancellation)
    {
        var sections = new List<(ManifestDigest Manifest, StoredSection Section)>();
        foreach (var group in paths.GroupBy(path => asked.Contains(path.Path.HashPart) ? askedPlainBytesMax : plainBytesMax).Where(group => group.Key > 0))
        {
            ManifestDigest[] digests = [.. group.Select(path => path.ManifestDigest).Distinct()];
            sections.AddRange(await metadata.GetSmallSectionsAsync(digests, group.Key, cancellation).ConfigureAwait(false));
        }

        // A path among the asked-for ones may have the manifest of one that is not.
        return sections.DistinctBy(pair => (pair.Manifest, pair.Section.Digest)).ToLookup(pair => pair.Manifest, pair => pair.Section);
    }

    private static SectionName Parse(Protocol.SectionName name) =>
        name.ManifestDigest.Length == ManifestDigest.Size && name.SectionDigest.Length == SectionDigest.Size
            ? new SectionName(ManifestDigest.Read(name.ManifestDigest.Span), SectionDigest.Read(name.SectionDigest.Span))
            : throw Invalid("a digest must have 32 bytes");
}
