using NixFuseStore.Content;
using NixFuseStore.Nix;
using NixFuseStore.Nix.ContentAddresses;
using NixFuseStore.Server.Base;
using NixFuseStore.Server.Derivations;
using NixFuseStore.Storage.Chunks;

namespace NixFuseStore.Server.Registration;

/// <summary>Proves a claim: puts the NAR together from the chunks, hashes it, and makes the manifest again.</summary>
internal sealed class SubmittedPathVerifier(ChunkStore chunks, VerifiedManifests verified)
{
    /// <summary>Reads the whole content, and the derivation that it is by its name; runs on the calling thread until it is done.</summary>
    /// <exception cref="RejectedRequestException">The claim does not hold.</exception>
    /// <exception cref="ChunkDamagedException">A chunk that lies here is damaged, which says nothing about the claim.</exception>
    /// <exception cref="IOException">A pack cannot be read, which says nothing about the claim.</exception>
    public void Verify(SubmittedPath claim, StoreDirectory directory, CancellationToken cancellation)
    {
        var manifest = claim.Manifest!;
        var info = claim.Info;
        if (!verified.TryGet(manifest.Digest, directory, out var nar) || claim.IsRepair)
        {
            using var source = new SubmittedChunkSource(claim, chunks, cancellation);
            if (!ManifestVerifier.TryVerify(manifest, source, directory, info.NarHash, info.NarSize, out var fault, cancellation))
            {
                throw new RejectedRequestException(fault);
            }

            verified.Add(manifest.Digest, directory, info.NarHash, info.NarSize);
        }
        else if (!nar.Hash.Equals(info.NarHash) || nar.Size != info.NarSize)
        {
            throw new RejectedRequestException(
                $"the content is a NAR of {nar.Size} bytes with hash {nar.Hash}, not one of {info.NarSize} bytes with hash {info.NarHash}");
        }

        VerifyContentAddress(claim, directory, cancellation);
        if (DerivationFile.IsNameOf(info.Path))
        {
            using var source = new SubmittedChunkSource(claim, chunks, cancellation);
            claim.Derivation = DerivationFile.Read(manifest, source, cancellation);
        }
    }

    private void VerifyContentAddress(SubmittedPath claim, StoreDirectory directory, CancellationToken cancellation)
    {
        try
        {
            using var verifier = new ContentAddressVerifier(directory, claim.Info);
            verifier.Verify(claim.Info.NarHash, visitor =>
            {
                using var source = new SubmittedChunkSource(claim, chunks, cancellation);
                ContentAssembler.Write(claim.Manifest!, source, visitor, cancellation);
            });
        }
        catch (ContentAddressException e)
        {
            throw new RejectedRequestException(e.Message);
        }
    }
}
