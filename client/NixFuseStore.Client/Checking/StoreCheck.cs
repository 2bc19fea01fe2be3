using System.Security.Cryptography;
using NixFuseStore.Client.Server;
using NixFuseStore.Nix;

namespace NixFuseStore.Client.Checking;

/// <summary>
/// Checks a whole store as a client sees it: whether all records verify and name only what is valid, and on demand every byte, those in this
/// host's cache first. What is damaged there can be mended, since the server has it; what is wrong at the server cannot from here.
/// </summary>
/// <param name="reader">The store.</param>
/// <param name="problem">Told one line for each path that is not right, one at a time.</param>
public sealed class StoreCheck(StoreReader reader, Func<string, ValueTask> problem)
{
    /// <summary>Paths whose records are asked for at once.</summary>
    private const int BatchPaths = 500;

    private const string NotFromHere =
        "this is wrong at the server and cannot be repaired from here: an administrator can revoke the path there, and it can be added again";

    /// <summary>Runs the check.</summary>
    /// <param name="checkContents">Whether to read every path and compare its NAR hash.</param>
    /// <param name="repair">Whether to mend what can be mended.</param>
    /// <param name="cancellationToken">Ends the check.</param>
    /// <returns>Whether problems remain.</returns>
    /// <exception cref="StoreUnavailableException">The server is away.</exception>
    public async Task<bool> RunAsync(bool checkContents, bool repair, CancellationToken cancellationToken)
    {
        // 1. What this host keeps. Chunks that are dropped here are fetched again below.
        var problems = checkContents && await IsCacheDamagedAsync(repair, cancellationToken).ConfigureAwait(false);

        // 2. What the server has.
        var valid = await reader.ListValidAsync(cancellationToken).ConfigureAwait(false);
        var names = valid.ToHashSet();
        foreach (var batch in valid.Chunk(BatchPaths))
        {
            await reader.FetchRecordsAsync(batch, cancellationToken).ConfigureAwait(false);
            foreach (var path in batch)
            {
                if (await FindFaultAsync(path, names, checkContents, cancellationToken).ConfigureAwait(false) is { } fault)
                {
                    problems = true;
                    await problem(repair ? $"{fault}; {NotFromHere}" : fault).ConfigureAwait(false);
                }
            }
        }

        return problems;
    }

    private async Task<bool> IsCacheDamagedAsync(bool repair, CancellationToken cancellationToken)
    {
        if (await reader.VerifyCacheAsync(repair, cancellationToken).ConfigureAwait(false) is not { Bad: > 0 } report)
        {
            return false;
        }

        await problem(report.Dropped == report.Bad
            ? $"{report.Bad} of {report.Entries} chunks in this host's cache were damaged; they are dropped, to be fetched again"
            : $"{report.Bad - report.Dropped} of {report.Entries} chunks in this host's cache are damaged, which no reader is given; repairing drops them")
            .ConfigureAwait(false);
        return report.Dropped < report.Bad;
    }

    private async Task<string?> FindFaultAsync(StorePath path, HashSet<StorePath> valid, bool checkContents, CancellationToken cancellationToken)
    {
        var printed = reader.Directory.Print(path);
        try
        {
            if (reader.FindKnown(path) is not { } handle)
            {
                // Removed while the check goes on.
                return null;
            }

            // What was registered after the list was made may be referred to by what was registered later still.
            var missing = handle.Info.References.Where(reference => !valid.Contains(reference)).ToArray();
            if (missing.Length > 0 && missing.Except(await reader.FilterValidAsync(missing, cancellationToken).ConfigureAwait(false)).ToArray() is { Length: > 0 } gone)
            {
                return $"path '{printed}' refers to '{reader.Directory.Print(gone[0])}', which is not valid";
            }

            if (!checkContents)
            {
                return null;
            }

            using var hash = SHA256.Create();
            await using var hashing = new CryptoStream(Stream.Null, hash, CryptoStreamMode.Write);
            await reader.WriteNarAsync(handle, hashing, cancellationToken).ConfigureAwait(false);
            await hashing.FlushFinalBlockAsync(cancellationToken).ConfigureAwait(false);
            var found = new NixHash(NixHashAlgorithm.Sha256, hash.Hash);
            return found.Equals(handle.Info.NarHash)
                ? null
                : $"path '{printed}' was modified! expected hash '{handle.Info.NarHash}', got '{found}'";
        }
        catch (StoreClientException e) when (e is not StoreUnavailableException)
        {
            return $"path '{printed}' cannot be checked: {e.Message}";
        }
    }
}
