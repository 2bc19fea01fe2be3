using System.Collections.Concurrent;
using NixFuseStore.Nix;

namespace NixFuseStore.Daemon.Tests.Stores;

/// <summary>What a connection kept, and whether it still does.</summary>
internal sealed class MemoryTemporaryRoots : ITemporaryRoots
{
    public ConcurrentQueue<StorePath> Paths { get; } = new();

    public bool IsReleased { get; private set; }

    public void Add(StorePath path)
    {
        ObjectDisposedException.ThrowIf(IsReleased, this);
        Paths.Enqueue(path);
    }

    public void Dispose() => IsReleased = true;
}
