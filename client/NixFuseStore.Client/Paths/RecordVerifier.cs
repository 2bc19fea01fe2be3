using NixFuseStore.Client.Server;
using NixFuseStore.Client.Trees;
using NixFuseStore.Content;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Paths;

/// <summary>Turns a record as a server (or the disk) gave it into a handle, if a trusted key signed it. Immutable; any thread.</summary>
internal sealed class RecordVerifier(string storeName, StoreDirectory directory, IReadOnlyList<NixPublicKey> trustedKeys)
{
    private readonly NixPublicKey[] _trustedKeys = [.. trustedKeys];

    public StoreDirectory Directory { get; } = directory;

    public IReadOnlyList<NixPublicKey> TrustedKeys => _trustedKeys;

    /// <summary>Verifies a record.</summary>
    /// <exception cref="StoreVerificationException">The record is malformed, or no trusted key signed what it says.</exception>
    public PathHandle Verify(PathRecord record)
    {
        var info = ReadInfo(record);
        if (!ManifestHeader.TryParse(record.ManifestHeader.Span, out var header))
        {
            throw Refuse(record, "its manifest header is malformed, or of a newer version than this program knows");
        }

        var statement = new PathStatement(storeName, Directory, info, header.Digest);
        var signatures = new List<NixSignature>(record.StoreSignatures.Count);
        foreach (var text in record.StoreSignatures)
        {
            if (NixSignature.TryParse(text, out var signature))
            {
                signatures.Add(signature!);
            }
        }

        return statement.IsSignedByAny(_trustedKeys, signatures)
            ? new PathHandle(info, header) { IsDamaged = record.Damaged }
            : throw Refuse(record, "no trusted key signed what the server says of it");
    }

    /// <summary>
    /// Verifies the record of a path that this process has sent itself. Where it says just what was sent, it needs no signature, which
    /// saves the time of a signature (100 µs).
    /// </summary>
    /// <exception cref="StoreVerificationException">It says something else, and does not verify.</exception>
    public PathHandle VerifyAnswer(PathRecord record, PathRecord sent) =>
        SaysTheSame(record, sent) && ManifestHeader.TryParse(record.ManifestHeader.Span, out var header)
            ? new PathHandle(ReadInfo(record), header) { IsDamaged = record.Damaged }
            : Verify(record);

    /// <summary>Whether a trusted key has signed what a message of a listing says of its paths.</summary>
    public bool IsSigned(ListPathsResponse listing)
    {
        if (!NixSignature.TryParse(listing.Signature, out var signature))
        {
            return false;
        }

        using var statement = new ListingStatement(storeName, Directory);
        foreach (var entry in listing.Entries)
        {
            if (entry.ManifestDigest.Length != ManifestDigest.Size || entry.EntryCount is 0 or > int.MaxValue || entry.RootKind is < (uint)EntryKind.Regular or > (uint)EntryKind.Symlink)
            {
                return false;
            }

            statement.Add(
                entry.BaseName,
                (EntryKind)entry.RootKind,
                entry.RootExecutable,
                entry.RootSize,
                (int)entry.EntryCount,
                ManifestDigest.Read(entry.ManifestDigest.Span));
        }

        return statement.IsSignedByAny(_trustedKeys, signature!);
    }

    /// <summary>What a record says, unverified.</summary>
    /// <exception cref="StoreVerificationException">It is malformed.</exception>
    public static PathInfo ReadInfo(PathRecord record)
    {
        if (!StorePath.TryParseBaseName(record.BaseName, out var path))
        {
            throw Refuse(record, "that is not a store path");
        }

        if (record.NarHash.Length != 32)
        {
            throw Refuse(record, "its NAR hash is malformed");
        }

        var references = new StorePath[record.References.Count];
        for (var i = 0; i < references.Length; i++)
        {
            if (!StorePath.TryParseBaseName(record.References[i], out references[i]))
            {
                throw Refuse(record, "its references are malformed");
            }
        }

        StorePath? deriver = null;
        if (record.Deriver.Length > 0)
        {
            deriver = StorePath.TryParseBaseName(record.Deriver, out var parsed) ? parsed : throw Refuse(record, "its deriver is malformed");
        }

        ContentAddress? contentAddress = null;
        if (record.ContentAddress.Length > 0 && !ContentAddress.TryParse(record.ContentAddress, out contentAddress))
        {
            throw Refuse(record, "its content address is malformed");
        }

        return new PathInfo
        {
            Path = path,
            NarHash = new NixHash(NixHashAlgorithm.Sha256, record.NarHash.Span),
            NarSize = record.NarSize,
            References = references,
            Deriver = deriver,
            ContentAddress = contentAddress,
            Signatures = ReadSignatures(record),
            RegistrationTime = record.RegistrationTime,
            Ultimate = record.Ultimate,
        };
    }

    // All that the store's signature covers.
    private static bool SaysTheSame(PathRecord left, PathRecord right) =>
        left.BaseName == right.BaseName && left.NarHash == right.NarHash && left.NarSize == right.NarSize
        && left.References.Equals(right.References) && left.Deriver == right.Deriver && left.ContentAddress == right.ContentAddress
        && left.ManifestHeader == right.ManifestHeader;

    // Nix signatures are shown, not relied on here: what cannot be read is left out.
    private static List<NixSignature> ReadSignatures(PathRecord record)
    {
        if (record.Signatures.Count == 0)
        {
            return [];
        }

        var signatures = new List<NixSignature>(record.Signatures.Count);
        foreach (var text in record.Signatures)
        {
            if (NixSignature.TryParse(text, out var signature))
            {
                signatures.Add(signature!);
            }
        }

        return signatures;
    }

    private static StoreVerificationException Refuse(PathRecord record, string why) =>
        new($"the record of path '{Printable(record.BaseName)}' does not verify: {why}");

    private static string Printable(string text) => new([.. text.Take(StorePath.BaseNameLengthMax).Where(c => c is > ' ' and < (char)0x7f)]);
}
