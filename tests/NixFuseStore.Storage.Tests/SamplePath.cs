using System.Security.Cryptography;
using System.Text;
using NixFuseStore.Content;
using NixFuseStore.Native.Compression;
using NixFuseStore.Nix;
using NixFuseStore.Storage.Metadata;
using NixFuseStore.Storage.Packs;

namespace NixFuseStore.Storage.Tests;

/// <summary>A store path that is one file, with everything that registering it takes.</summary>
internal sealed class SamplePath
{
    private SamplePath(PathRegistration registration, IReadOnlyList<ChunkUpload> uploads, Manifest manifest)
    {
        Registration = registration;
        Uploads = uploads;
        Manifest = manifest;
    }

    public PathRegistration Registration { get; }

    public IReadOnlyList<ChunkUpload> Uploads { get; }

    public Manifest Manifest { get; }

    public StorePath Path => Registration.Path;

    public static StorePath Name(string name) => StorePath.Create(SHA256.HashData(Encoding.UTF8.GetBytes(name)).AsSpan(0, 20), name);

    public static SamplePath Create(string name, byte[] content, params StorePath[] references)
    {
        var sink = new Sink();
        var builder = new ContentBuilder(StoreDirectory.Default, sink);
        builder.BeginFile(default, false, (ulong)content.Length);
        builder.FileData(content);
        builder.EndFile();
        var manifest = builder.Finish();
        var registration = new PathRegistration
        {
            Path = Name(name),
            NarHash = SHA256.HashData(content),
            NarSize = (ulong)content.Length + 112,
            References = references,
            Manifest = manifest.Header,
            Sections =
            [
                .. Enum.GetValues<ManifestSection>().Where(section => manifest.GetSection(section).Length > 0)
                    .Select(section => new StoredSection(
                        manifest.Header.GetDigest(section), manifest.GetSection(section).Length, Zstd.Compress(manifest.GetSection(section), 3))),
            ],
            ChunkIds = [.. sink.Chunks.Select(chunk => chunk.Id)],
        };
        return new SamplePath(registration, sink.Chunks, manifest);
    }

    public static SamplePath Create(string name, params StorePath[] references) =>
        Create(name, Encoding.UTF8.GetBytes($"content of {name}"), references);

    /// <summary>Enters the chunks into the index without storing bytes anywhere.</summary>
    public static async Task IndexAsync(IMetadataStore metadata, StoreId store, params IEnumerable<SamplePath> samples)
    {
        var pack = await metadata.CreatePackAsync(Guid.NewGuid().ToString("N"), "test", TimeSpan.FromMinutes(1));
        int offset = 16;
        var chunks = new List<IndexedChunk>();
        foreach (var upload in samples.SelectMany(sample => sample.Uploads))
        {
            chunks.Add(new IndexedChunk(
                upload.Id, new ChunkLocation(pack.Id, offset, upload.Payload.Length, upload.PlainLength, upload.Encoding)));
            offset += upload.Payload.Length;
        }

        await metadata.IndexChunksAsync(store, "test", [.. chunks.DistinctBy(chunk => chunk.Id)]);
    }

    private sealed class Sink : IChunkSink
    {
        public List<ChunkUpload> Chunks { get; } = [];

        public void OnChunk(in ChunkId id, ReadOnlySpan<byte> plain)
        {
            byte[] frame = Zstd.Compress(plain, 3);
            Chunks.Add(frame.Length < plain.Length
                ? new ChunkUpload(id, ChunkEncoding.Zstd, plain.Length, frame)
                : new ChunkUpload(id, ChunkEncoding.Plain, plain.Length, plain.ToArray()));
        }
    }
}
