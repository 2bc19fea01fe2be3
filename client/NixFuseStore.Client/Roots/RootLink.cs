using NixFuseStore.Nix;

namespace NixFuseStore.Client.Roots;

/// <summary>Looks at links that clients made as roots.</summary>
internal static class RootLink
{
    /// <summary>Reads a link, through the client's root directory first: in a container, the same name may be something else here.</summary>
    /// <param name="link">Absolute path, as the client sees it.</param>
    /// <param name="processId">The client's process; 0 to look from here only.</param>
    /// <param name="directory">The store's directory.</param>
    /// <param name="target">The store path that it points to, or into.</param>
    /// <returns>From where it was seen; null where it is no link into the store, or cannot be seen.</returns>
    public static RootLinkView? TryRead(string link, int processId, StoreDirectory directory, out StorePath target)
    {
        target = default;
        if (!link.StartsWith('/') || link.Contains('\0', StringComparison.Ordinal))
        {
            return null;
        }

        var own = ReadTarget(link);
        var seen = processId == 0 ? own : ReadTarget($"/proc/{processId}/root{link}") ?? own;
        return seen is not null && directory.TryParse(seen, out target, out _)
            ? seen == own ? RootLinkView.Own : RootLinkView.Client
            : null;
    }

    private static string? ReadTarget(string path)
    {
        try
        {
            return new FileInfo(path).LinkTarget;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Another user's process, say.
            return null;
        }
    }
}
