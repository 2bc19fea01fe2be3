using NixFuseStore.Nix;
using NixFuseStore.Nix.Archives;

namespace NixFuseStore.Daemon;

/// <summary>Adding paths, and what is kept beside them.</summary>
public interface IPathWriter
{
    /// <summary>Begins to take the NAR of an object whose path need not be known yet.</summary>
    /// <param name="narBytes">Bytes that the client has announced, where it has; the NAR may still turn out to be another.</param>
    /// <param name="observer">Hears of the tree while the NAR is written: it is parsed once for all. What it throws leaves <see cref="IPathImport.WriteAsync"/>.</param>
    IPathImport BeginImport(ulong? narBytes = null, INarVisitor? observer = null);

    /// <summary>Adds signatures to a valid path.</summary>
    Task AddSignaturesAsync(StorePath path, IReadOnlyCollection<NixSignature> signatures, CancellationToken cancellationToken);

    /// <summary>Keeps the log of a build, unless there is one of a build that did not fail. Reads the stream to its end.</summary>
    /// <param name="derivation">The .drv, valid or not.</param>
    /// <param name="log">Plain text.</param>
    /// <param name="failed">Whether the build failed; a later log takes the place of this one then.</param>
    /// <param name="cancellationToken">Gives up.</param>
    Task AddBuildLogAsync(StorePath derivation, Stream log, bool failed, CancellationToken cancellationToken);
}
