using NixFuseStore.Cli.Errors;
using NixFuseStore.Nix;

namespace NixFuseStore.Cli.Commands;

/// <summary>Reads what a user calls a path of a local store.</summary>
internal static class LocalPathArgument
{
    /// <summary>A store path, a file inside one, a base name, a place inside the store's root, or a link to any of these.</summary>
    /// <exception cref="UsageException">It is none of them.</exception>
    public static StorePath Parse(string argument, string root, StoreDirectory directory)
    {
        if (argument.Length == 0)
        {
            throw new UsageException("an empty text names no store path");
        }

        if (TryRead(argument, root, directory, out var path))
        {
            return path;
        }

        // The target need not be there: links to a chroot store dangle outside of it.
        var link = new FileInfo(Path.GetFullPath(argument));
        if (link.LinkTarget is { } target && TryRead(Path.GetFullPath(target, link.DirectoryName!), root, directory, out path))
        {
            return path;
        }

        throw new UsageException($"'{argument}' is not a path of the Nix store {directory}, nor a link to one");
    }

    private static bool TryRead(string text, string root, StoreDirectory directory, out StorePath path)
    {
        if (directory.TryParse(text, out path, out _) || StorePath.TryParseBaseName(text, out path))
        {
            return true;
        }

        string prefix = Path.GetFullPath(root).TrimEnd('/');
        string full = Path.GetFullPath(text);
        return prefix.Length > 0
            && full.StartsWith(prefix + "/", StringComparison.Ordinal)
            && directory.TryParse(full[prefix.Length..], out path, out _);
    }
}
