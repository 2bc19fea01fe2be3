using System.Diagnostics.CodeAnalysis;
using NixFuseStore.Client.Metadata;
using NixFuseStore.Client.Server;
using NixFuseStore.Client.Trees;
using NixFuseStore.Content;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client;

/// <content>Paths and trees.</content>
public sealed partial class StoreReader
{
    /// <inheritdoc/>
    public bool TryGetKnown(ReadOnlySpan<byte> baseName, [NotNullWhen(true)] out PathHandle? handle) =>
        _table.TryGet(baseName, out handle) || _pending.TryGet(baseName, out handle);

    /// <inheritdoc/>
    public ValueTask<PathHandle?> FindAsync(StorePath path, CancellationToken cancellationToken)
    {
        var key = Key256.OfHashPart(path.BaseName);
        return TryFindHere(in key, path) is { } handle ? new ValueTask<PathHandle?>(handle) : new ValueTask<PathHandle?>(FindSlowAsync(key, path, cancellationToken));
    }

    /// <inheritdoc/>
    public async ValueTask<PathHandle?[]> FindManyAsync(IReadOnlyList<StorePath> paths, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(paths);
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
            await _health.WaitUpAsync(_options.LookupDeadline, cancellationToken).ConfigureAwait(false);
            await _closures.QueryAsync(unknown, _options.LookupDeadline, cancellationToken).ConfigureAwait(false);
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

    /// <inheritdoc/>
    public ValueTask<ManifestTree> GetTreeAsync(PathHandle handle, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(handle);
        if (handle.Tree is { } tree)
        {
            return new ValueTask<ManifestTree>(tree);
        }

        _closures.OnTreeWanted();
        OnEntered(handle, read: false);
        Task<ManifestTree> loading;
        lock (handle.LoadGate)
        {
            loading = handle.TreeLoading ??= LoadTreeAsync(handle);
        }

        return new ValueTask<ManifestTree>(loading.WaitAsync(cancellationToken));
    }

    /// <summary>What the server has just said of a path that it was asked about among others.</summary>
    private PathHandle? FindAnswered(StorePath path, bool isFirst)
    {
        var handle = FindVerified(path, isFirst);
        if (handle is null)
        {
            var key = Key256.OfHashPart(path.BaseName);
            if (_table.ForgetStale(in key))
            {
                _metadata.Remove(new MetadataKey(MetadataKind.Path, key));
            }
        }

        return handle;
    }

    /// <summary>As <see cref="TryFindHere"/>; a record that does not verify is an error for the first of several paths and makes null of the others.</summary>
    private PathHandle? FindVerified(StorePath path, bool isFirst)
    {
        try
        {
            return TryFindHere(Key256.OfHashPart(path.BaseName), path);
        }
        catch (StoreVerificationException) when (!isFirst)
        {
            return null;
        }
    }

    private PathHandle? TryFindHere(in Key256 key, StorePath path)
    {
        var handle = _table.Find(in key, path, out var record);
        return handle ?? (record is null ? null : Adopt(in key, record)) ?? (_pending.Find(in key) is { } pending && pending.Path == path ? pending : null);
    }

    // A record that does not verify is forgotten, so that the server is asked again next time.
    private PathHandle Adopt(in Key256 key, PathRecord record)
    {
        try
        {
            return _table.Adopt(in key, _verifier!.Verify(record), record.Event);
        }
        catch (StoreVerificationException)
        {
            _table.Reject(in key, record);
            _metadata.Remove(new MetadataKey(MetadataKind.Path, key));
            throw;
        }
    }

    private async Task<PathHandle?> FindSlowAsync(Key256 key, StorePath path, CancellationToken cancellationToken)
    {
        // A server that is away is not waited for where a cached answer stands in for its own, and a silent one only for half of the time:
        // the caller's deadline is the same as ours, and a late answer is none.
        var cached = FindCached(in key, path);
        if (cached is not null && !_health.IsUp && _health.Failure is not null)
        {
            return cached;
        }

        var patience = cached is null ? _options.LookupDeadline : _options.LookupDeadline / 2;
        try
        {
            var started = _time.GetTimestamp();
            await _health.WaitUpAsync(patience, cancellationToken).ConfigureAwait(false);
            var lookup = _closures.Lookup(in key, path.HashPart);
            var left = patience - _time.GetElapsedTime(started);
            PathRecord? record;
            try
            {
                record = await lookup.Found.WaitAsync(left > TimeSpan.Zero ? left : TimeSpan.Zero, _time, cancellationToken).ConfigureAwait(false);
            }
            catch (TimeoutException e)
            {
                _health.Suspect();
                throw new StoreUnavailableException($"server {_connection.Current.Address.Authority} did not say within {patience.TotalSeconds:0.###} s whether {path} is valid", e);
            }

            // Another name with the same hash part is another path: this one is not valid.
            if (record is not null && record.BaseName == path.BaseName)
            {
                return TryFindHere(in key, path) ?? Adopt(in key, record);
            }

            if (_table.ForgetStale(in key))
            {
                _metadata.Remove(new MetadataKey(MetadataKind.Path, key));
            }

            return null;
        }
        catch (StoreUnavailableException) when (cached is not null)
        {
            return cached;
        }
    }

    // What was valid when the server was last asked. Only for when it cannot be asked.
    private PathHandle? FindCached(in Key256 key, StorePath path)
    {
        if (_table.FindStale(in key, path) is { } stale)
        {
            return stale;
        }

        if (_metadata.TryRead(new MetadataKey(MetadataKind.Path, key)) is not { } bytes)
        {
            return null;
        }

        try
        {
            var record = PathRecord.Parser.ParseFrom(bytes);
            return record.BaseName == path.BaseName ? _table.AdoptStale(in key, _verifier!.Verify(record), record.Event) : null;
        }
        catch (Exception e) when (e is Google.Protobuf.InvalidProtocolBufferException or StoreVerificationException)
        {
            // A damaged record, or one of a key that is no longer trusted, is as good as none.
            return null;
        }
    }

    private async Task<ManifestTree> LoadTreeAsync(PathHandle handle)
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        try
        {
            if (!handle.ClosureAsked && !_sections.Has(handle.Header.GetDigest(ManifestSection.Tree)) && _health.IsUp)
            {
                // Found by a listing, so its closure is not here yet; it comes in the background, the tree itself is asked for below.
                handle.ClosureAsked = true;
                _ = _closures.FetchClosureAsync(handle);
            }

            var tree = await _sections.GetAsync(
                handle, ManifestSection.Tree, static (h, plain) => h.Header.OpenTree(plain), _options.TreeDeadline, CancellationToken.None).ConfigureAwait(false);
            handle.Tree = tree;
            _contentMemory.Add(handle, tree, tree.MemoryBytes);
            return tree;
        }
        finally
        {
            lock (handle.LoadGate)
            {
                handle.TreeLoading = null;
            }
        }
    }

    private Task<PathContent> LoadContentOnceAsync(PathHandle handle)
    {
        lock (handle.LoadGate)
        {
            return handle.Content is { } present ? Task.FromResult(present) : handle.ContentLoading ??= LoadContentAsync(handle);
        }
    }

    private async Task<PathContent> LoadContentAsync(PathHandle handle)
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        try
        {
            // Both in one request where both lack.
            var header = handle.Header;
            if (!_sections.Has(header.GetDigest(ManifestSection.Chunks)))
            {
                await _health.WaitUpAsync(_options.TreeDeadline, CancellationToken.None).ConfigureAwait(false);
                await _sections.FetchAsync(
                    [(header, ManifestSection.Tree), (header, ManifestSection.Chunks), (header, ManifestSection.Blanks)],
                    _options.TreeDeadline,
                    CancellationToken.None).ConfigureAwait(false);
            }

            var chunks = await _sections.GetAsync(
                handle, ManifestSection.Chunks, static (h, plain) => h.Header.OpenChunks(plain), _options.TreeDeadline, CancellationToken.None).ConfigureAwait(false);
            var blanks = header.GetLength(ManifestSection.Blanks) == 0
                ? null
                : await _sections.GetAsync(
                    handle, ManifestSection.Blanks, static (h, plain) => h.Header.OpenBlanks(plain), _options.TreeDeadline, CancellationToken.None).ConfigureAwait(false);
            var content = new PathContent(handle, chunks, blanks is { Count: > 0 } ? blanks : null);
            handle.Content = content;
            _contentMemory.Add(handle, content, content.MemoryBytes);
            return content;
        }
        finally
        {
            lock (handle.LoadGate)
            {
                handle.ContentLoading = null;
            }
        }
    }
}
