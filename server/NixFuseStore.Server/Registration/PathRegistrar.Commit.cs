using NixFuseStore.Content;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;
using NixFuseStore.Server.Base;
using NixFuseStore.Storage.Metadata;
using Outcome = NixFuseStore.Protocol.RegisterPathResult.Types.Outcome;
using PathSignatures = NixFuseStore.Storage.Metadata.PathSignatures;

namespace NixFuseStore.Server.Registration;

/// <summary>What is asked of and written to the database.</summary>
internal sealed partial class PathRegistrar
{
    /// <summary>
    /// Answers the claims whose path is valid already; nothing of them needs to be verified, as nothing of them is used but their signatures.
    /// </summary>
    /// <returns>The other claims.</returns>
    private async Task<List<SubmittedPath>> AnswerValidAsync(
        StoreRecord store, List<SubmittedPath> claims, RegisterPathResult[] results, CancellationToken cancellation)
    {
        if (claims.Count == 0)
        {
            return claims;
        }

        var hashParts = claims.Select(claim => claim.Info.Path.HashPart).ToHashSet(StringComparer.Ordinal);
        var valid = (await metadata.QueryPathsAsync(store.Id, hashParts, cancellation).ConfigureAwait(false)).ToDictionary(path => path.Path.HashPart, StringComparer.Ordinal);
        foreach (var claim in claims)
        {
            if (!valid.TryGetValue(claim.Info.Path.HashPart, out var registered))
            {
                continue;
            }

            if (registered.Path != claim.Info.Path || !registered.NarHash.AsSpan().SequenceEqual(claim.Info.NarHash.Digest))
            {
                results[claim.Index] = Conflict(claim, registered);
                continue;
            }

            if (registered.IsDamaged)
            {
                // Its chunks and sections are wanted once more; what is missing of them is told as for any other path.
                claim.IsRepair = true;
                continue;
            }

            var known = registered.Signatures.ToHashSet(StringComparer.Ordinal);
            string[] added = [.. claim.Info.Signatures.Select(signature => signature.ToString()).Where(signature => !known.Contains(signature))];
            if (added.Length > 0)
            {
                // They came along with a path that is here already, so those that find no room are no reason to refuse it.
                var result = await metadata.AddSignaturesAsync(store.Id, [new PathSignatures(registered.Path, added)], cancellation).ConfigureAwait(false);
                registered = result.Full.Count == 0 ? registered with { Signatures = [.. registered.Signatures, .. added] } : registered;
            }

            results[claim.Index] = new RegisterPathResult { Outcome = Outcome.AlreadyValid, Path = Records.ToMessage(registered) };
        }

        return Remaining(claims, results);
    }

    private async Task CommitAsync(
        StoreRecord store,
        ChunkScope scope,
        StoreDirectory directory,
        List<SubmittedPath> claims,
        RegisterPathResult[] results,
        BuildEnd? ending,
        CancellationToken cancellation)
    {
        if (claims.Count == 0 && ending is null)
        {
            return;
        }

        var key = await keys.GetSignerAsync(store.Id, cancellation).ConfigureAwait(false);
        var registrations = claims.ConvertAll(claim => Sign(claim, store.Name, directory, key));
        var registered = await metadata.RegisterPathsAsync(store.Id, scope, registrations, ending, cancellation).ConfigureAwait(false);
        for (var i = 0; i < claims.Count; i++)
        {
            results[claims[i].Index] = ToResult(claims[i], registered[i]);
        }
    }

    private static PathRegistration Sign(SubmittedPath claim, string store, StoreDirectory directory, NixSecretKey key)
    {
        // The store vouches for the content twice: to this project's clients, and to Nix where a path leaves the store again.
        var statement = new PathStatement(store, directory, claim.Info, claim.Header.Digest);
        var info = claim.Info.WithSignature(directory, key);
        return new PathRegistration
        {
            Path = info.Path,
            NarHash = info.NarHash.ToArray(),
            NarSize = info.NarSize,
            References = info.References,
            Deriver = info.Deriver,
            ContentAddress = info.ContentAddress?.ToString(),
            Ultimate = info.Ultimate,
            Signatures = [.. info.Signatures.Select(signature => signature.ToString()).Distinct(StringComparer.Ordinal)],
            StoreSignatures = [statement.Sign(key).ToString()],
            Manifest = claim.Header,
            Sections = claim.Sections,
            ChunkIds = claim.ChunkIds,
            DerivationOutputs = claim.DerivationOutputs,
            UnlessRemovedAfter = claim.Message.HasUnlessRemovedAfter ? claim.Message.UnlessRemovedAfter : null,
        };
    }

    private static RegisterPathResult ToResult(SubmittedPath claim, RegistrationResult result)
    {
        switch (result.Outcome)
        {
            case RegistrationOutcome.Conflict:
                return Conflict(claim, result.Path!);
            case RegistrationOutcome.MissingChunks:
                return MissingChunks(result.MissingChunks);
            case RegistrationOutcome.MissingReferences:
                return MissingReferences(result.MissingReferences);
            case RegistrationOutcome.Removed:
                return new RegisterPathResult
                {
                    Outcome = Outcome.Revoked,
                    Message = $"it was removed from the store behind event {claim.Message.UnlessRemovedAfter}",
                };
            case RegistrationOutcome.HeldBack:
                return HeldBack();
            default:
                return new RegisterPathResult { Outcome = (Outcome)result.Outcome, Path = Records.ToMessage(result.Path!) };
        }
    }

    private static RegisterPathResult MissingReferences(IReadOnlyList<StorePath> paths)
    {
        var result = new RegisterPathResult
        {
            Outcome = Outcome.MissingReferences,
            Message = $"it refers to {paths[0]}, which is not valid",
        };
        result.MissingReferences.AddRange(paths.Select(path => path.BaseName));
        return result;
    }

    private static RegisterPathResult Conflict(SubmittedPath claim, StoredPath registered)
    {
        var hash = new NixHash(NixHashAlgorithm.Sha256, registered.NarHash);
        return new RegisterPathResult
        {
            Outcome = Outcome.Conflict,
            Path = Records.ToMessage(registered),
            Message = registered.Path == claim.Info.Path
                ? $"it is valid with NAR hash {hash}, not {claim.Info.NarHash}"
                : $"its hash part is that of {registered.Path}",
        };
    }
}
