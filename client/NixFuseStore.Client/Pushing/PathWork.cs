using Google.Protobuf;
using NixFuseStore.Content;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Pushing;

/// <summary>
/// One path on its way: read from disk, then waiting until its chunks are on the server, then registered. What is built of it belongs
/// to one stage at a time; only the count of waits is shared.
/// </summary>
internal sealed class PathWork(int number, PathInfo info, Action<PathWork> ready)
{
    private int _waits;

    /// <summary>Its place in the order in which referenced paths come first.</summary>
    internal int Number => number;

    internal PathInfo Info => info;

    /// <summary>What is sent to register it; set by the stage that reads it.</summary>
    internal NewPath? Message { get; set; }

    /// <summary>Chunks that the server asked for when it was to be registered, to be read and sent again; null at first.</summary>
    internal HashSet<ChunkId>? ChunksWanted { get; set; }

    /// <summary>How often it was read.</summary>
    internal int Attempts { get; set; }

    /// <summary>One more thing must happen before it is ready.</summary>
    internal void AddWait() => Interlocked.Increment(ref _waits);

    /// <summary>One of them has happened. The last makes it ready.</summary>
    internal void EndWait()
    {
        if (Interlocked.Decrement(ref _waits) == 0)
        {
            ready(this);
        }
    }

    internal int MessageBytes => Message?.CalculateSize() ?? 0;

    /// <summary>The record that the server is to keep.</summary>
    internal PathRecord ToRecord(Manifest manifest, ulong narSize)
    {
        var record = new PathRecord
        {
            BaseName = info.Path.BaseName,
            NarHash = ByteString.CopyFrom(info.NarHash.Digest),
            NarSize = narSize,
            Deriver = info.Deriver?.BaseName ?? "",
            ContentAddress = info.ContentAddress?.ToString() ?? "",
            ManifestHeader = ByteString.CopyFrom(manifest.Header.Bytes.Span),
        };
        record.References.AddRange(info.References.Select(reference => reference.BaseName));
        record.Signatures.AddRange(info.Signatures.Select(signature => signature.ToString()));
        return record;
    }
}
