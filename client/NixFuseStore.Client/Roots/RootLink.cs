using System.Globalization;
using Microsoft.Win32.SafeHandles;
using NixFuseStore.Native.Linux;
using NixFuseStore.Nix;

namespace NixFuseStore.Client.Roots;

/// <summary>Looks at links that clients made as roots.</summary>
internal static class RootLink
{
    /// <summary>Links looked at at a time. A link may lie in a file system that never answers, which then costs one of these places for good.</summary>
    private const int LooksMax = 8;

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(5);

    private static readonly SemaphoreSlim Looks = new(LooksMax);

    /// <summary>
    /// Reads a link, through the client's root directory first: in a container, the same name may be something else here. What is absolute on
    /// the way to the link is resolved below that root directory as well, as the client would.
    /// </summary>
    /// <param name="link">Absolute path, as the client sees it.</param>
    /// <param name="client">The client's process; default to look from here only.</param>
    /// <param name="directory">The store's directory.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>From where it was seen, and the store path that it points to or into.</returns>
    public static async Task<(RootLinkView View, StorePath Target)> ReadAsync(
        string link, RootClient client, StoreDirectory directory, CancellationToken cancellationToken)
    {
        if (!link.StartsWith('/') || link.Contains('\0', StringComparison.Ordinal))
        {
            return (RootLinkView.None, default);
        }

        if (!await Looks.WaitAsync(Deadline, cancellationToken).ConfigureAwait(false))
        {
            return (RootLinkView.Unknown, default);
        }

        // The thread that hangs keeps its place; the caller goes on.
        var look = Task.Run(
            () =>
            {
                try
                {
                    return Read(link, client, directory);
                }
                finally
                {
                    Looks.Release();
                }
            },
            CancellationToken.None);
        try
        {
            return await look.WaitAsync(Deadline, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            return (RootLinkView.Unknown, default);
        }
    }

    private static (RootLinkView View, StorePath Target) Read(string link, RootClient client, StoreDirectory directory)
    {
        using var root = client.ProcessId == 0 ? OpenOwnRoot() : OpenRoot(client);
        if (root is null)
        {
            return (RootLinkView.Unknown, default);
        }

        var (error, text, identity) = ReadLink(root, link);
        if (error != Errno.None)
        {
            // ENOENT and EINVAL say as well that what is there is no link.
            return (error is Errno.ENOENT or Errno.ENOTDIR or Errno.EINVAL or Errno.ELOOP ? RootLinkView.None : RootLinkView.Unknown, default);
        }

        if (!directory.TryParse(text, out var target, out _))
        {
            return (RootLinkView.None, default);
        }

        if (client.ProcessId == 0)
        {
            return (RootLinkView.Own, target);
        }

        // The very same file, not only one of the same name.
        using var own = OpenOwnRoot();
        return (own is not null && ReadLink(own, link) is (Errno.None, _, var here) && here == identity ? RootLinkView.Own : RootLinkView.Client, target);
    }

    private static (Errno Error, string Target, FileIdentity Identity) ReadLink(SafeFileHandle root, string link)
    {
        var error = Libc.OpenInRoot(root, link, out var file);
        if (error != Errno.None)
        {
            return (error, "", default);
        }

        using (file)
        {
            error = Libc.ReadLink(file!, out var target);
            FileIdentity identity = default;
            return (error == Errno.None ? Libc.Look(file!, "", out identity) : error, target, identity);
        }
    }

    private static SafeFileHandle? OpenOwnRoot() => Libc.OpenMagicDirectory("/", out var root) == Errno.None ? root : null;

    // Opened before the process is looked at: its id may be another's by now, whose root directory is not the client's.
    private static SafeFileHandle? OpenRoot(RootClient client)
    {
        var path = string.Create(CultureInfo.InvariantCulture, $"/proc/{client.ProcessId}/root");
        if (Libc.OpenMagicDirectory(path, out var root) != Errno.None)
        {
            return null;
        }

        if (PeerProcess.IsRunning(client.ProcessId, client.StartTicks))
        {
            return root;
        }

        root!.Dispose();
        return null;
    }
}
