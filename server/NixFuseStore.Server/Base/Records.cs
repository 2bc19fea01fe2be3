using Google.Protobuf;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Base;

/// <summary>Rows of the database as messages.</summary>
internal static class Records
{
    public static PathRecord ToMessage(StoredPath path)
    {
        // The arrays belong to rows that are not changed, so the message need not copy them.
        var record = new PathRecord
        {
            BaseName = path.Path.BaseName,
            NarHash = UnsafeByteOperations.UnsafeWrap(path.NarHash),
            NarSize = path.NarSize,
            Deriver = path.Deriver?.BaseName ?? "",
            ContentAddress = path.ContentAddress ?? "",
            ManifestHeader = UnsafeByteOperations.UnsafeWrap(path.ManifestHeader),
            RegistrationTime = path.RegistrationTime,
            Ultimate = path.Ultimate,
            Event = path.Event,
            Damaged = path.IsDamaged,
        };
        foreach (var reference in path.References)
        {
            record.References.Add(reference.BaseName);
        }

        record.Signatures.AddRange(path.Signatures);
        record.StoreSignatures.AddRange(path.StoreSignatures);
        return record;
    }

    /// <summary>A path as signatures and .narinfo files state it.</summary>
    public static PathInfo ToPathInfo(StoredPath path) => new()
    {
        Path = path.Path,
        NarHash = new NixHash(NixHashAlgorithm.Sha256, path.NarHash),
        NarSize = path.NarSize,
        References = path.References,
        Deriver = path.Deriver,
        ContentAddress = path.ContentAddress is { } address ? ContentAddress.Parse(address) : null,
        Signatures = [.. path.Signatures.Select(NixSignature.Parse)],
    };

    public static PathEntry ToMessage(in PathListEntry entry) => new()
    {
        BaseName = entry.Path.BaseName,
        RootKind = (uint)entry.RootKind,
        RootExecutable = entry.RootIsExecutable,
        RootSize = entry.RootSize,
        NarSize = entry.NarSize,
        EntryCount = (uint)entry.EntryCount,
        ManifestDigest = UnsafeByteOperations.UnsafeWrap(entry.Manifest.ToArray()),
    };

    public static Section ToMessage(StoredSection section) => new()
    {
        Digest = UnsafeByteOperations.UnsafeWrap(section.Digest.ToArray()),
        PlainLength = (uint)section.PlainLength,
        Zstd = UnsafeByteOperations.UnsafeWrap(section.Zstd),
    };

    public static WatchResponse ToMessage(EventPage page)
    {
        var message = new WatchResponse { HeadEvent = page.Head.Number, HeadEventId = ByteString.CopyFrom(page.Head.Id.ToArray()), Resync = page.Resync };
        foreach (var e in page.Events)
        {
            message.Events.Add(ToMessage(e));
        }

        return message;
    }

    public static Protocol.StoreEvent ToMessage(in Storage.Metadata.StoreEvent e) => new()
    {
        Number = e.Number,
        Id = ByteString.CopyFrom(e.Id.ToArray()),
        Kind = (Protocol.StoreEvent.Types.Kind)e.Kind,
        BaseName = e.Path.BaseName,
    };

    public static Root ToMessage(RootRecord root) => new()
    {
        Kind = (Protocol.RootKind)root.Kind,
        Host = root.Host,
        Link = root.Link,
        BaseName = root.Target.BaseName,
        Created = root.Created,
        LeaseUntil = root.LeaseUntil ?? 0,
    };
}
