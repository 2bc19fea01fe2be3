using System.Diagnostics.CodeAnalysis;
using Google.Protobuf;
using NixFuseStore.Client.Metadata;
using NixFuseStore.Client.Paths;
using NixFuseStore.Client.Pending;
using NixFuseStore.Client.Server;
using NixFuseStore.Client.Trees;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Lookup;

/// <summary>
/// Finds paths by name, for callers with a short deadline (the kernel): in memory, among what is added here, at the server, and, while that is away,
/// in what was valid when it was last asked. Any thread.
/// </summary>
/// <param name="connection">The server.</param>
/// <param name="health">The server's presence.</param>
/// <param name="identity">Verifies records.</param>
/// <param name="table">Records in memory.</param>
/// <param name="pending">Paths that were added here.</param>
/// <param name="metadata">Records on disk.</param>
/// <param name="closures">Asks the server.</param>
/// <param name="deadline">How long a lookup may take.</param>
/// <param name="time">Clock.</param>
internal sealed class PathFinder(
    ServerConnection connection,
    ServerHealth health,
    StoreIdentity identity,
    PathTable table,
    PendingPaths pending,
    MetadataCache metadata,
    ClosureFetcher closures,
    TimeSpan deadline,
    TimeProvider time)
{
    /// <summary>The store directory that the paths belong to.</summary>
    public StoreDirectory Directory => identity.Verifier.Directory;

    /// <summary>See <see cref="Contracts.IStoreReader.TryGetKnown"/>.</summary>
    public bool TryGetKnown(ReadOnlySpan<byte> baseName, [NotNullWhen(true)] out PathHandle? handle) =>
        table.TryGet(baseName, out handle) || pending.TryGet(baseName, out handle);

    /// <summary>A path that is known to be valid, from memory alone; null says nothing.</summary>
    /// <exception cref="StoreVerificationException">What the server said of it does not verify.</exception>
    public PathHandle? FindKnown(StorePath path) => FindKnown(Key256.OfHashPart(path.BaseName), path);

    /// <summary>As <see cref="FindKnown(StorePath)"/>, where the key is at hand.</summary>
    public PathHandle? FindKnown(in Key256 key, StorePath path)
    {
        var handle = table.Find(in key, path, out var record);
        return handle ?? (record is null ? null : Adopt(in key, record)) ?? (pending.Find(in key) is { } added && added.Path == path ? added : null);
    }

    /// <summary>See <see cref="Contracts.IStoreReader.FindAsync"/>.</summary>
    public ValueTask<PathHandle?> FindAsync(StorePath path, CancellationToken cancellationToken)
    {
        var key = Key256.OfHashPart(path.BaseName);
        return FindKnown(in key, path) is { } handle ? new ValueTask<PathHandle?>(handle) : new ValueTask<PathHandle?>(AskAsync(key, path, cancellationToken));
    }

    /// <summary>See <see cref="Contracts.IStoreReader.FindManyAsync"/>.</summary>
    public async ValueTask<PathHandle?[]> FindManyAsync(IReadOnlyList<StorePath> paths, CancellationToken cancellationToken)
    {
        var handles = new PathHandle?[paths.Count];
        var unknown = new List<string>();
        for (var i = 0; i < handles.Length; i++)
        {
            handles[i] = FindVerified(paths[i], isFirst: i == 0);
            if (handles[i] is null)
            {
                unknown.Add(paths[i].HashPart);
            }
        }

        if (unknown.Count == 0)
        {
            return handles;
        }

        try
        {
            await health.WaitUpAsync(deadline, cancellationToken).ConfigureAwait(false);
            await closures.QueryAsync(unknown, deadline, cancellationToken).ConfigureAwait(false);
            for (var i = 0; i < handles.Length; i++)
            {
                handles[i] ??= FindAnswered(paths[i], isFirst: i == 0);
            }
        }
        catch (StoreUnavailableException)
        {
            for (var i = 0; i < handles.Length; i++)
            {
                handles[i] ??= FindCached(Key256.OfHashPart(paths[i].BaseName), paths[i]);
            }

            if (Array.Exists(handles, static h => h is null))
            {
                throw;
            }
        }

        return handles;
    }

    /// <summary>What was valid when the server was last asked. Only for when it cannot be asked.</summary>
    public PathHandle? FindCached(in Key256 key, StorePath path)
    {
        if (table.FindStale(in key, path) is { } stale)
        {
            return stale;
        }

        if (metadata.TryRead(new MetadataKey(MetadataKind.Path, key)) is not { } bytes)
        {
            return null;
        }

        try
        {
            var record = PathRecord.Parser.ParseFrom(bytes);
            return record.BaseName == path.BaseName ? table.AdoptStale(in key, identity.Verifier.Verify(record), record.Event) : null;
        }
        catch (Exception e) when (e is InvalidProtocolBufferException or StoreVerificationException)
        {
            // A damaged record, or one of a key that is no longer trusted, is as good as none.
            return null;
        }
    }

    /// <summary>Verifies a record and takes it into the table. One that does not verify is forgotten, so that the server is asked again next time.</summary>
    /// <exception cref="StoreVerificationException">It does not verify.</exception>
    public PathHandle Adopt(in Key256 key, PathRecord record)
    {
        try
        {
            return table.Adopt(in key, identity.Verifier.Verify(record), record.Event);
        }
        catch (StoreVerificationException)
        {
            table.Reject(in key, record);
            metadata.Remove(new MetadataKey(MetadataKind.Path, key));
            throw;
        }
    }

    /// <summary>The server has said that a path is not valid: what was known of it before goes.</summary>
    public void ForgetStale(in Key256 key)
    {
        if (table.ForgetStale(in key))
        {
            metadata.Remove(new MetadataKey(MetadataKind.Path, key));
        }
    }

    /// <summary>What the server has just said of a path that it was asked about among others.</summary>
    private PathHandle? FindAnswered(StorePath path, bool isFirst)
    {
        var handle = FindVerified(path, isFirst);
        if (handle is null)
        {
            ForgetStale(Key256.OfHashPart(path.BaseName));
        }

        return handle;
    }

    /// <summary>As <see cref="FindKnown(StorePath)"/>; a record that does not verify is an error for the first of several paths and makes null of the others.</summary>
    private PathHandle? FindVerified(StorePath path, bool isFirst)
    {
        try
        {
            return FindKnown(path);
        }
        catch (StoreVerificationException) when (!isFirst)
        {
            return null;
        }
    }

    private async Task<PathHandle?> AskAsync(Key256 key, StorePath path, CancellationToken cancellationToken)
    {
        // A server that is away is not waited for where a cached answer stands in for its own, and a silent one only for half of the time:
        // the caller's deadline is the same as ours, and a late answer is none.
        var cached = FindCached(in key, path);
        if (cached is not null && !health.IsUp && health.Failure is not null)
        {
            return cached;
        }

        var patience = cached is null ? deadline : deadline / 2;
        try
        {
            var record = await AskServerAsync(key, path, patience, cancellationToken).ConfigureAwait(false);

            // Another name with the same hash part is another path: this one is not valid.
            if (record is not null && record.BaseName == path.BaseName)
            {
                return FindKnown(in key, path) ?? Adopt(in key, record);
            }

            ForgetStale(in key);
            return null;
        }
        catch (StoreUnavailableException) when (cached is not null)
        {
            return cached;
        }
    }

    private async Task<PathRecord?> AskServerAsync(Key256 key, StorePath path, TimeSpan patience, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        await health.WaitUpAsync(patience, cancellationToken).ConfigureAwait(false);
        var lookup = closures.Lookup(in key, path.HashPart);
        var left = patience - time.GetElapsedTime(started);
        try
        {
            return await lookup.Found.WaitAsync(left > TimeSpan.Zero ? left : TimeSpan.Zero, time, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException e)
        {
            health.Suspect();
            throw new StoreUnavailableException($"server {connection.Current.Address.Authority} did not say within {patience.TotalSeconds:0.###} s whether {path} is valid", e);
        }
    }
}
