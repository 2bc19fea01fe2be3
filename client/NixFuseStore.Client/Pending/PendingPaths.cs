using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using NixFuseStore.Client.Metadata;
using NixFuseStore.Client.Trees;
using NixFuseStore.Content;
using NixFuseStore.Nix;

namespace NixFuseStore.Client.Pending;

/// <summary>The paths that were answered from the journal and are not registered yet. The writer that adds them bounds them. Any thread.</summary>
internal sealed class PendingPaths
{
    private readonly ConcurrentDictionary<Key256, PendingPath> _paths = [];
    private int _count;

    // Nearly always, and asked with every lookup.
    private bool IsEmpty => Volatile.Read(ref _count) == 0;

    public bool TryGet(ReadOnlySpan<byte> baseName, [NotNullWhen(true)] out PathHandle? handle)
    {
        handle = null;
        if (IsEmpty || baseName.Length <= StorePath.HashPartLength
            || !_paths.TryGetValue(Key256.Read(baseName), out var path) || !path.Handle.BaseName.Span.SequenceEqual(baseName))
        {
            return false;
        }

        handle = path.Handle;
        return true;
    }

    public PathHandle? Find(in Key256 key) => !IsEmpty && _paths.TryGetValue(key, out var path) ? path.Handle : null;

    /// <summary>Base names behind one, up to and including another (empty for no end), in bytewise order.</summary>
    public IReadOnlyList<PathHandle> Between(string after, string last) => IsEmpty
        ? []
        : [.. _paths.Values.Select(static path => path.Handle)
            .Where(handle => string.CompareOrdinal(handle.Path.BaseName, after) > 0
                && (last.Length == 0 || string.CompareOrdinal(handle.Path.BaseName, last) <= 0))
            .OrderBy(static handle => handle.Path.BaseName, StringComparer.Ordinal)];

    /// <summary>A chunk of the path, with a reference for the caller.</summary>
    public bool TryGetChunk(PathHandle handle, in ChunkId id, [NotNullWhen(true)] out ChunkBuffer? chunk)
    {
        chunk = null;
        return !IsEmpty && _paths.TryGetValue(Key256.Read(handle.BaseName.Span), out var path)
            && path.Chunks.TryGetValue(id, out chunk) && chunk.TryAddReference();
    }

    /// <summary>Adds a path; false where it is there.</summary>
    public bool TryAdd(PendingPath path)
    {
        if (!_paths.TryAdd(Key256.Read(path.Handle.BaseName.Span), path))
        {
            return false;
        }

        Interlocked.Increment(ref _count);
        return true;
    }

    /// <summary>Takes a path out; its chunks are the caller's to release.</summary>
    public PendingPath? Remove(in Key256 key)
    {
        if (!_paths.TryRemove(key, out var path))
        {
            return null;
        }

        Interlocked.Decrement(ref _count);
        return path;
    }
}
