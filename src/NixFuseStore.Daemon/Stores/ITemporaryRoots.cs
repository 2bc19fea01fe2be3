using NixFuseStore.Nix;

namespace NixFuseStore.Daemon;

/// <summary>
/// What a connection keeps alive, until it is disposed; what another one keeps too stays as long as that. Any thread.
/// </summary>
public interface ITemporaryRoots : IDisposable
{
    /// <summary>Keeps a path, valid or not. Answers at once; the server may be told shortly afterwards, but before that path is registered.</summary>
    void Add(StorePath path);
}
