using NixFuseStore.Daemon;
using NixFuseStore.Nix;

namespace NixFuseStore.Builds;

/// <summary>All that a build's inputs refer to, which is all that its cell knows of.</summary>
internal static class InputClosure
{
    /// <summary>Finds what is recorded of the paths and of all that they refer to.</summary>
    /// <exception cref="DaemonStoreException">One of them is not valid.</exception>
    internal static async Task<IReadOnlyDictionary<StorePath, PathInfo>> FindAsync(
        IDaemonStore store, IEnumerable<StorePath> paths, CancellationToken cancellation)
    {
        var found = new SortedDictionary<StorePath, PathInfo>();
        var pending = new Stack<StorePath>(paths);
        while (pending.TryPop(out var path))
        {
            if (found.ContainsKey(path))
            {
                continue;
            }

            // The first answer brings the closure with it; the others are at hand then.
            var info = await store.FindPathAsync(path, cancellation).ConfigureAwait(false)
                ?? throw new DaemonStoreException($"path '{store.Directory.Print(path)}' is not valid any more");
            found.Add(path, info);
            foreach (var reference in info.References)
            {
                pending.Push(reference);
            }
        }

        return found;
    }
}
