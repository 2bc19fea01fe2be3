using System.Security.Cryptography;
using NixFuseStore.Nix;

namespace NixFuseStore.Client.Reading;

/// <summary>Checks a whole store as a client sees it: whether all records verify and name only what is valid, and on demand every byte.</summary>
/// <param name="reader">The store.</param>
/// <param name="problem">Told one line for each path that is not right, one at a time.</param>
public sealed class StoreCheck(StoreReader reader, Func<string, ValueTask> problem)
{
    /// <summary>Paths whose records are asked for at once.</summary>
    private const int BatchPaths = 500;

    /// <summary>Runs the check. Chunks that are damaged in this host's cache are fetched again, so what is told is wrong at the server.</summary>
    /// <param name="checkContents">Whether to read every path and compare its NAR hash.</param>
    /// <param name="cancellationToken">Ends the check.</param>
    /// <returns>Whether there are problems.</returns>
    /// <exception cref="StoreUnavailableException">The server is away.</exception>
    public async Task<bool> RunAsync(bool checkContents, CancellationToken cancellationToken)
    {
        var valid = await reader.ListValidAsync(cancellationToken).ConfigureAwait(false);
        var names = valid.ToHashSet();
        var problems = false;
        foreach (var batch in valid.Chunk(BatchPaths))
        {
            await reader.FetchRecordsAsync(batch, cancellationToken).ConfigureAwait(false);
            foreach (var path in batch)
            {
                if (await FindFaultAsync(path, names, checkContents, cancellationToken).ConfigureAwait(false) is { } fault)
                {
                    problems = true;
                    await problem(fault).ConfigureAwait(false);
                }
            }
        }

        return problems;
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
