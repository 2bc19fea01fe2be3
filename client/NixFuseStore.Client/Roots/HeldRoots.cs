using NixFuseStore.Nix;

namespace NixFuseStore.Client.Roots;

/// <summary>Temporary roots of one user, such as a daemon's connection, kept until it is disposed. Any thread.</summary>
public sealed class HeldRoots : IDisposable
{
    private readonly TemporaryRoots _roots;

    internal HeldRoots(TemporaryRoots roots) => _roots = roots;

    /// <summary>What is held, under the lock of the roots.</summary>
    internal HashSet<StorePath> Paths { get; } = [];

    /// <summary>Keeps a path, valid or not. Never waits: roots travel together, shortly afterwards.</summary>
    public void Add(StorePath path) => _roots.Hold(this, path);

    /// <summary>Releases them all. Those that no other process holds are gone from the server shortly afterwards.</summary>
    public void Dispose() => _roots.Release(this);
}
