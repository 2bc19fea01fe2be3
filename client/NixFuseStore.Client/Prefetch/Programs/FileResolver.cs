using System.Text;
using NixFuseStore.Client.Contracts;
using NixFuseStore.Client.Trees;
using NixFuseStore.Content;
using NixFuseStore.Nix;

namespace NixFuseStore.Client.Prefetch.Programs;

/// <summary>Finds files of the store by their full path, following symlinks within the store. Any thread.</summary>
internal sealed class FileResolver(IStoreReader reader)
{
    private const int LinksMax = 16;

    /// <summary>Finds a regular file; null where there is none by that path in this store.</summary>
    public async ValueTask<StoreFile?> FindAsync(string path, CancellationToken cancellationToken)
    {
        for (var links = 0; links < LinksMax; links++)
        {
            if (!reader.Directory.TryParse(path, out var storePath, out var rest)
                || await reader.FindAsync(storePath, cancellationToken).ConfigureAwait(false) is not { } handle)
            {
                return null;
            }

            var tree = handle.Tree ?? await reader.GetTreeAsync(handle, cancellationToken).ConfigureAwait(false);
            if (Walk(reader.Directory, handle, tree, rest, out var entry) is not { } next)
            {
                return entry >= 0 && tree.Kind(entry) == EntryKind.Regular ? new StoreFile(handle, tree, entry) : null;
            }

            path = next;
        }

        return null;
    }

    /// <summary>The full path of the directory that holds a file.</summary>
    public static string DirectoryOf(StoreDirectory directory, in StoreFile file)
    {
        var parts = new Stack<string>();
        for (var entry = file.Tree.Parent(file.Entry); entry != 0; entry = file.Tree.Parent(entry))
        {
            parts.Push(Encoding.UTF8.GetString(file.Tree.Name(entry)));
        }

        return string.Join('/', [directory.Print(file.Handle.Path), .. parts]);
    }

    // Walks down; where a symlink is met, the path to go on with is returned. Otherwise null and the entry, or -1.
    private static string? Walk(StoreDirectory directory, PathHandle handle, ManifestTree tree, string rest, out int entry)
    {
        entry = 0;
        var walked = directory.Print(handle.Path);
        var parts = rest.Split('/', StringSplitOptions.RemoveEmptyEntries);
        for (var i = 0; i <= parts.Length; i++)
        {
            if (tree.Kind(entry) == EntryKind.Symlink)
            {
                var target = new byte[tree.Size(entry)];
                tree.GetTarget(entry, handle.Header, target);
                return Normalise(Encoding.UTF8.GetString(target), walked, parts.AsSpan(i));
            }

            if (i == parts.Length)
            {
                return null;
            }

            if (parts[i] == ".." || !tree.TryFind(entry, Encoding.UTF8.GetBytes(parts[i]), out entry))
            {
                entry = -1;
                return null;
            }

            walked += "/" + parts[i];
        }

        return null;
    }

    private static string Normalise(string target, string link, ReadOnlySpan<string> rest)
    {
        var path = target.StartsWith('/') ? target : link[..link.LastIndexOf('/')] + "/" + target;
        return System.IO.Path.GetFullPath(string.Join('/', [path, .. rest]));
    }
}
