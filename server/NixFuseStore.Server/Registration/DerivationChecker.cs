using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using NixFuseStore.Nix;
using NixFuseStore.Nix.Derivations;
using NixFuseStore.Server.Base;
using NixFuseStore.Server.Derivations;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Registration;

/// <summary>
/// Makes sure that derivations name the outputs that follow from them, as Nix does when a .drv becomes valid: who finds a path by its
/// deriver may rely on it.
/// </summary>
internal sealed class DerivationChecker(DerivationHashes hashes)
{
    /// <summary>Checks the derivations among the claims and sets their outputs.</summary>
    /// <param name="store">The store.</param>
    /// <param name="directory">Its directory.</param>
    /// <param name="claims">Verified; inputs may stand among them in any order.</param>
    /// <param name="refuse">Called for each one that is refused.</param>
    /// <param name="missing">Called for each one with an input that is neither valid nor among the claims, or was refused.</param>
    /// <param name="cancellation">Gives up.</param>
    public async Task CheckAsync(
        StoreRecord store,
        StoreDirectory directory,
        IEnumerable<SubmittedPath> claims,
        Action<SubmittedPath, RejectedRequestException> refuse,
        Action<SubmittedPath, IReadOnlyList<StorePath>> missing,
        CancellationToken cancellation)
    {
        // 1. What each needs. A path may stand there twice.
        var coming = new Dictionary<StorePath, List<SubmittedPath>>();
        var inputs = new Dictionary<StorePath, StorePath[]>();
        foreach (var claim in claims.Where(claim => claim.Derivation is not null))
        {
            try
            {
                CheckSelf(claim, directory);
                inputs[claim.Info.Path] = [.. claim.Derivation!.InputDerivations.Select(input => directory.Parse(input.Path))];
                (CollectionsMarshal.GetValueRefOrAddDefault(coming, claim.Info.Path, out _) ??= []).Add(claim);
            }
            catch (Exception e) when (e is RejectedRequestException or FormatException)
            {
                refuse(claim, ErrorResponse(e));
            }
        }

        if (coming.Count == 0)
        {
            return;
        }

        // 2. The hashes of inputs that are not among them.
        StorePath[] others = [.. inputs.Values.SelectMany(paths => paths).Where(path => !coming.ContainsKey(path)).Distinct()];
        var known = await hashes.FindAsync(store, directory, others, cancellation).ConfigureAwait(false);

        // 3. Inputs first, so that their hashes are known when they are needed.
        foreach (var path in DependencyOrder.Sort(coming.Keys, path => inputs[path].Where(coming.ContainsKey)))
        {
            StorePath[] absent = [.. inputs[path].Where(input => !known.ContainsKey(input))];
            foreach (var claim in coming[path])
            {
                if (absent.Length > 0)
                {
                    missing(claim, absent);
                }
                else if (TryCheckOutputs(claim, directory, known, refuse, out var hash))
                {
                    known[path] = hash;
                    hashes.Add(directory, path, hash);
                }
            }
        }
    }

    /// <summary>The path must follow from the contents, or what is known of it would not hold for ever.</summary>
    private static void CheckSelf(SubmittedPath claim, StoreDirectory directory)
    {
        var references = claim.Derivation!.References(directory);
        if (references.FirstOrDefault(reference => !claim.Info.References.Contains(reference)) is { IsDefault: false } unnamed)
        {
            throw new RejectedRequestException($"it does not refer to {unnamed}, which the derivation needs");
        }

        // With a content address that was checked before.
        if (claim.Info.ContentAddress is null
            && claim.Derivation.ComputePath(directory, DerivationFile.NameOf(claim.Info.Path)) is var computed && computed != claim.Info.Path)
        {
            throw new RejectedRequestException($"the path of this derivation is {computed}");
        }
    }

    private static bool TryCheckOutputs(
        SubmittedPath claim,
        StoreDirectory directory,
        Dictionary<StorePath, NixHash?> known,
        Action<SubmittedPath, RejectedRequestException> refuse,
        [NotNullWhen(true)] out NixHash? hash)
    {
        try
        {
            hash = CheckOutputs(claim, directory, known);
            return true;
        }
        catch (Exception e) when (e is RejectedRequestException or FormatException or ArgumentException)
        {
            refuse(claim, ErrorResponse(e));
            hash = null;
            return false;
        }
    }

    private static RejectedRequestException ErrorResponse(Exception e) => e as RejectedRequestException ?? new RejectedRequestException(e.Message.TrimEnd('.'));

    /// <summary>Compares the outputs, and returns the hash by which the derivation counts as an input.</summary>
    private static NixHash CheckOutputs(SubmittedPath claim, StoreDirectory directory, Dictionary<StorePath, NixHash?> known)
    {
        NixHash InputHash(string fullPath) => known[directory.Parse(fullPath)]
            ?? throw new RejectedRequestException($"its input {fullPath} cannot be read as a derivation");

        var derivation = claim.Derivation!;
        claim.DerivationOutputs = DerivationVerifier.Verify(derivation, DerivationFile.NameOf(claim.Info.Path), directory, InputHash);
        return DerivationHash.OfInput(derivation, InputHash);
    }
}
