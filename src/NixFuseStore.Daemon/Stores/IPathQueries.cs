using NixFuseStore.Nix;

namespace NixFuseStore.Daemon;

/// <summary>
/// What is valid. That a path is valid may be known from before; that it is not is found out each time. A path whose
/// <see cref="IPathImport.RegisterAsync"/> has answered is valid here.
/// </summary>
public interface IPathQueries
{
    /// <summary>What is recorded of a path; null where it is not valid.</summary>
    ValueTask<PathInfo?> FindPathAsync(StorePath path, CancellationToken cancellationToken);

    /// <summary>What is recorded of a path, as far as that is known without asking anyone; null says nothing of whether it is valid.</summary>
    PathInfo? PeekPath(StorePath path) => null;

    /// <summary>
    /// Whether a valid path is known not to have all of its content any more. Says nothing before the path was asked for. It stays registered,
    /// so that what refers to it stays valid; but a client that asks whether it has to send the path is told so, and adding the same content
    /// heals it.
    /// </summary>
    bool IsDamaged(StorePath path) => false;

    /// <summary>Those of the paths that are valid, in any order; one question to the server for all of them.</summary>
    ValueTask<IReadOnlyCollection<StorePath>> FilterValidAsync(IReadOnlyCollection<StorePath> paths, CancellationToken cancellationToken);

    /// <summary>The valid path with this hash part (32 characters), or null.</summary>
    ValueTask<StorePath?> FindByHashPartAsync(string hashPart, CancellationToken cancellationToken);

    /// <summary>Every valid path, ascending.</summary>
    Task<IReadOnlyCollection<StorePath>> ListValidAsync(CancellationToken cancellationToken);

    /// <summary>Valid paths that refer to this one, itself among them where it does; empty where it is not valid.</summary>
    Task<IReadOnlyCollection<StorePath>> GetReferrersAsync(StorePath path, CancellationToken cancellationToken);

    /// <summary>Valid derivations that have this path as an output.</summary>
    Task<IReadOnlyCollection<StorePath>> GetValidDeriversAsync(StorePath path, CancellationToken cancellationToken);

    /// <summary>Contents of a valid path that is one regular file, such as a .drv; null where it is not valid.</summary>
    /// <param name="path">The path.</param>
    /// <param name="bytesMax">A longer file is an error.</param>
    /// <param name="cancellationToken">Gives up.</param>
    Task<ReadOnlyMemory<byte>?> ReadFileAsync(StorePath path, int bytesMax, CancellationToken cancellationToken);

    /// <summary>Writes the NAR of a valid path; <see cref="DaemonStoreException"/> before the first byte where it is not valid.</summary>
    Task WriteNarAsync(StorePath path, Stream destination, CancellationToken cancellationToken);

    /// <summary>Compares the recorded NAR hashes of all valid paths, or only that they are whole in metadata; tells what is bad.</summary>
    /// <param name="checkContents">Whether to read every byte.</param>
    /// <param name="repair">Whether to mend what can be mended from here, and say of the rest that it cannot.</param>
    /// <param name="problem">Told one line for each thing that is not right, one at a time.</param>
    /// <param name="cancellationToken">Ends the check.</param>
    /// <returns>Whether problems remain.</returns>
    Task<bool> VerifyAsync(bool checkContents, bool repair, Func<string, ValueTask> problem, CancellationToken cancellationToken);
}
