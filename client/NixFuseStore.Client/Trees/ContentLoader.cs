using NixFuseStore.Client.Server;
using NixFuseStore.Content;

namespace NixFuseStore.Client.Trees;

/// <summary>Opens trees and chunk lists of paths, each at most once at a time, and keeps them in memory as its bound allows. Any thread.</summary>
/// <param name="sections">Where sections come from.</param>
/// <param name="health">The server's presence.</param>
/// <param name="memory">Bounds what is kept.</param>
/// <param name="deadline">How long one may take.</param>
internal sealed class ContentLoader(SectionFetcher sections, ServerHealth health, ContentMemory memory, TimeSpan deadline)
{
    /// <summary>Told of a path whose tree is not here and whose closure was not asked for, before the tree is asked for: once a path.</summary>
    public Action<PathHandle>? OnTreeMissing { get; init; }

    /// <summary>The tree of a path. The task goes on when its caller stops waiting.</summary>
    /// <exception cref="StoreUnavailableException">It did not come in time.</exception>
    public Task<ManifestTree> LoadTreeAsync(PathHandle handle)
    {
        lock (handle.LoadGate)
        {
            return handle.Tree is { } present ? Task.FromResult(present) : handle.TreeLoading ??= OpenTreeAsync(handle);
        }
    }

    /// <summary>The chunk list of a path. The task goes on when its caller stops waiting.</summary>
    /// <exception cref="StoreUnavailableException">It did not come in time.</exception>
    public Task<PathContent> LoadContentAsync(PathHandle handle)
    {
        lock (handle.LoadGate)
        {
            return handle.Content is { } present ? Task.FromResult(present) : handle.ContentLoading ??= OpenContentAsync(handle);
        }
    }

    /// <summary>Whether all sections of a path are on this host.</summary>
    public bool IsHere(ManifestHeader header)
    {
        for (var section = ManifestSection.Tree; section <= ManifestSection.Blanks; section++)
        {
            if (header.GetLength(section) > 0 && !sections.Has(header.GetDigest(section)))
            {
                return false;
            }
        }

        return true;
    }

    private async Task<ManifestTree> OpenTreeAsync(PathHandle handle)
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        try
        {
            if (!handle.ClosureAsked && !sections.Has(handle.Header.GetDigest(ManifestSection.Tree)) && health.IsUp)
            {
                // Found by a listing, so its closure is not here yet; it comes in the background, the tree itself is asked for below.
                handle.ClosureAsked = true;
                OnTreeMissing?.Invoke(handle);
            }

            var tree = await sections.GetAsync(
                handle, ManifestSection.Tree, static (h, plain) => h.Header.OpenTree(plain), deadline, CancellationToken.None).ConfigureAwait(false);
            handle.Tree = tree;
            memory.Add(handle, tree, tree.MemoryBytes);
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

    private async Task<PathContent> OpenContentAsync(PathHandle handle)
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        try
        {
            // Both in one request where both lack.
            var header = handle.Header;
            if (!sections.Has(header.GetDigest(ManifestSection.Chunks)))
            {
                await health.WaitUpAsync(deadline, CancellationToken.None).ConfigureAwait(false);
                await sections.FetchAsync(
                    [(header, ManifestSection.Tree), (header, ManifestSection.Chunks), (header, ManifestSection.Blanks)],
                    deadline,
                    CancellationToken.None).ConfigureAwait(false);
            }

            var chunks = await sections.GetAsync(
                handle, ManifestSection.Chunks, static (h, plain) => h.Header.OpenChunks(plain), deadline, CancellationToken.None).ConfigureAwait(false);
            var blanks = header.GetLength(ManifestSection.Blanks) == 0
                ? null
                : await sections.GetAsync(
                    handle, ManifestSection.Blanks, static (h, plain) => h.Header.OpenBlanks(plain), deadline, CancellationToken.None).ConfigureAwait(false);
            var content = new PathContent(handle, chunks, blanks is { Count: > 0 } ? blanks : null);
            handle.Content = content;
            memory.Add(handle, content, content.MemoryBytes);
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
