using NixFuseStore.Nix;

namespace NixFuseStore.Daemon;

/// <summary>Paths that are not here but can be had from the binary caches that the server knows.</summary>
public interface ISubstitution
{
    /// <summary>What can be had, of paths that are not valid; others are left out.</summary>
    Task<IReadOnlyCollection<SubstitutablePath>> FindSubstitutableAsync(IReadOnlyCollection<StorePath> paths, CancellationToken cancellationToken);

    /// <summary>Makes those of the paths valid that can be had, with their references; returns those that are valid afterwards.</summary>
    Task<IReadOnlyCollection<StorePath>> SubstituteAsync(IReadOnlyCollection<StorePath> paths, CancellationToken cancellationToken);
}
