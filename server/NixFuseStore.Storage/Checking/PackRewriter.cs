using System.Security.Cryptography;
using NixFuseStore.Storage.Base;
using NixFuseStore.Storage.Blobs;
using NixFuseStore.Storage.Metadata;
using NixFuseStore.Storage.Packs;

namespace NixFuseStore.Storage.Checking;

/// <summary>
/// Writes sealed packs anew whose header or footer is damaged: the same chunks at the same offsets, in an object of another name. Servers
/// that look for the old object ask for the name again.
/// </summary>
/// <param name="metadata">The database.</param>
/// <param name="blobs">The packs.</param>
/// <param name="notice">Is told of what could not be cleared away.</param>
internal sealed class PackRewriter(IMetadataStore metadata, IBlobStore blobs, Action<string> notice)
{
    private const int CopyBytes = 1 << 20;

    /// <summary>The copy takes well under a second; a server clears away what is left of one that was interrupted.</summary>
    private static readonly TimeSpan Lease = TimeSpan.FromMinutes(5);

    private readonly string _owner = $"fsck/{Environment.MachineName}/{Environment.ProcessId}/{Guid.NewGuid():N}";

    /// <summary>Writes one pack anew. The old object goes once the database names the new one.</summary>
    /// <param name="pack">The pack, which is sealed.</param>
    /// <param name="chunks">All chunks that are indexed in it, by offset; each has just been read and found whole.</param>
    /// <param name="cancellationToken">Gives up; the old object stays.</param>
    /// <returns>False where another process has rewritten it meanwhile.</returns>
    /// <exception cref="BlobStoreFullException">No space is left.</exception>
    /// <exception cref="IOException">It could not be read or written.</exception>
    public async Task<bool> RunAsync(PackRecord pack, IReadOnlyList<IndexedChunk> chunks, CancellationToken cancellationToken)
    {
        // 1. A row for the new object before the object, so that a server finds what an interrupted run leaves.
        string name = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        var replacement = await metadata.CreatePackAsync(name, _owner, Lease, cancellationToken).ConfigureAwait(false);
        bool mayBeNamed = false;
        bool replaced = false;
        try
        {
            // 2. The payloads as they are, with what lies between them; then a footer for those that are indexed.
            long length = await CopyAsync(pack, name, chunks, cancellationToken).ConfigureAwait(false);

            // 3. The old number gets the new object. A call that fails may have done it all the same; then nothing is removed here.
            mayBeNamed = true;
            replaced = await metadata.ReplacePackAsync(pack, replacement, length, cancellationToken).ConfigureAwait(false);
            mayBeNamed = replaced;
        }
        finally
        {
            if (!mayBeNamed)
            {
                await CleanUp.RunAsync(
                    notice,
                    $"pack {name}, the new form of {pack.Name},",
                    () => blobs.DeleteAsync(name, CancellationToken.None),
                    () => new ValueTask(metadata.DeleteEmptyPackAsync(replacement.Id, CancellationToken.None))).ConfigureAwait(false);
            }
        }

        if (replaced)
        {
            await CleanUp.RunAsync(notice, $"pack {pack.Name}, which {name} has replaced,", () => blobs.DeleteAsync(pack.Name, CancellationToken.None))
                .ConfigureAwait(false);
        }

        return replaced;
    }

    private async Task<long> CopyAsync(PackRecord pack, string name, IReadOnlyList<IndexedChunk> chunks, CancellationToken cancellationToken)
    {
        long end = chunks.Max(chunk => (long)chunk.Location.Offset + chunk.Location.StoredLength);
        var writer = await blobs.CreateAsync(name, cancellationToken).ConfigureAwait(false);
        await using (writer.ConfigureAwait(false))
        {
            await writer.AppendAsync([PackFormat.Header.ToArray()], cancellationToken).ConfigureAwait(false);
            var buffer = new byte[CopyBytes];
            while (writer.Length < end)
            {
                var part = buffer.AsMemory(0, (int)Math.Min(buffer.Length, end - writer.Length));
                await blobs.ReadAsync(pack.Name, writer.Length, part, cancellationToken).ConfigureAwait(false);
                await writer.AppendAsync([part], cancellationToken).ConfigureAwait(false);
            }

            await writer.AppendAsync([PackFormat.CreateFooter(chunks, end)], cancellationToken).ConfigureAwait(false);
            long length = writer.Length;
            await writer.SealAsync(cancellationToken).ConfigureAwait(false);
            return length;
        }
    }
}
