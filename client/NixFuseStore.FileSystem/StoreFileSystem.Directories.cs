using NixFuseStore.Client.Trees;
using NixFuseStore.Content;
using NixFuseStore.FileSystem.Nodes;
using NixFuseStore.Fuse.Kernel;
using NixFuseStore.Fuse.Replies;
using NixFuseStore.Fuse.Requests;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.FileSystem;

/// <content>READDIR and READDIRPLUS of everything but the store directory. Nothing here ever changes, so cookies are positions:
/// 1 after ".", 2 after "..", 2 + n after the n-th name.</content>
public sealed partial class StoreFileSystem
{
    private const ulong AfterDotDot = 2;

    /// <inheritdoc/>
    public void ReadDirectory(in ReadDirectoryRequest request, FuseReply reply)
    {
        var node = new NodeId(request.Node);
        if (node.Value == FixedNodes.Store)
        {
            ReadStoreDirectory(request, reply);
        }
        else if (FixedNodes.IsDirectory(node.Value))
        {
            reply.Directory(ListFixed(request));
        }
        else if (node.IsFixed)
        {
            reply.Error(Errno.ENOTDIR);
        }
        else if (!TryResolve(node, out var handle, out var tree))
        {
            if (_logs.TryGetDerivation(node, out _))
            {
                reply.Error(Errno.ENOTDIR);
                return;
            }

            Defer(reply, "listing of", _options.LookupDeadline, request, static async (self, pending, request) =>
            {
                var (handle, tree) = await self.ResolveTreeAsync(new NodeId(request.Node), pending.Token).ConfigureAwait(false);
                if (handle is null || tree is null)
                {
                    pending.Error(Stale);
                }
                else if (ListError(handle, tree, request) is var error and not Errno.None)
                {
                    pending.Error(error);
                }
                else
                {
                    var page = self.ListPath(handle, tree, request, out var lookups);
                    if (!pending.Directory(page))
                    {
                        self._nodes.Release(handle.Slot, lookups);
                    }
                }
            });
        }
        else if (ListError(handle, tree, request) is var error and not Errno.None)
        {
            reply.Error(error);
        }
        else
        {
            var page = ListPath(handle, tree, request, out var lookups);
            if (!reply.Directory(page))
            {
                _nodes.Release(handle.Slot, lookups);
            }
        }
    }

    /// <summary>A page of a path's directory, with the lookups counted that the kernel will count when it takes it.</summary>
    private DirectoryPage ListPath(PathHandle handle, ManifestTree tree, in ReadDirectoryRequest request, out uint lookups)
    {
        if (new NodeId(request.Node).Entry == 0 && request.Cookie == 0)
        {
            _reader.OnListed(handle);
        }

        var page = ListTree(handle, tree, request, out var entries);
        lookups = request.WithAttributes ? (uint)entries : 0;
        if (lookups > 0)
        {
            _nodes.AddLookups(handle, (int)lookups);
        }

        return page;
    }

    private static Errno ListError(PathHandle handle, ManifestTree tree, in ReadDirectoryRequest request)
        => handle.IsRemoved ? Stale
            : tree.Kind(new NodeId(request.Node).Entry) != EntryKind.Directory ? Errno.ENOTDIR
            : Errno.None;

    private static DirectoryPage ListTree(PathHandle handle, ManifestTree tree, in ReadDirectoryRequest request, out int entries)
    {
        entries = 0;
        var node = new NodeId(request.Node);
        var page = DirectoryPage.Rent(request);
        var parent = node.Entry == 0 ? FixedNodes.Store : NodeAttributes.InodeOf(handle, tree.Parent(node.Entry));
        if (!TryAddDots(page, request.Cookie, NodeAttributes.InodeOf(handle, node.Entry), parent))
        {
            return page;
        }

        var (first, count) = tree.Children(node.Entry);
        for (var position = request.Cookie <= AfterDotDot ? 0 : request.Cookie - AfterDotDot; position < (ulong)count; position++)
        {
            var index = first + (int)position;
            if (!page.TryAdd(tree.Name(index), EntryInPath(handle, tree, index), AfterDotDot + position + 1))
            {
                break;
            }

            entries++;
        }

        return page;
    }

    private DirectoryPage ListFixed(in ReadDirectoryRequest request)
    {
        var page = DirectoryPage.Rent(request);
        if (!TryAddDots(page, request.Cookie, request.Node, FixedNodes.Parent(request.Node)) || request.Cookie > AfterDotDot + 1)
        {
            return page;
        }

        // At most two names each.
        switch (request.Node)
        {
            case FixedNodes.Root:
                if (request.Cookie > AfterDotDot
                    || page.TryAdd(FixedNodes.StoreName, EntryOfFixedDirectory(FixedNodes.Store), AfterDotDot + 1))
                {
                    page.TryAdd(FixedNodes.VarName, EntryOfFixedDirectory(FixedNodes.Var), AfterDotDot + 2);
                }

                break;
            case FixedNodes.Var:
                if (request.Cookie > AfterDotDot
                    || page.TryAdd(FixedNodes.NixName, EntryOfFixedDirectory(FixedNodes.VarNix), AfterDotDot + 1))
                {
                    page.TryAdd(FixedNodes.LogName, EntryOfFixedDirectory(FixedNodes.VarLog), AfterDotDot + 2);
                }

                break;
            case FixedNodes.VarLog when request.Cookie <= AfterDotDot:
                page.TryAdd(FixedNodes.NixName, EntryOfFixedDirectory(FixedNodes.VarLogNix), AfterDotDot + 1);
                break;
            case FixedNodes.VarLogNix when request.Cookie <= AfterDotDot:
                page.TryAdd(FixedNodes.LogsName, EntryOfFixedDirectory(FixedNodes.Logs), AfterDotDot + 1);
                break;
            case FixedNodes.VarNix when request.Cookie <= AfterDotDot:
                page.TryAdd(FixedNodes.DaemonSocketName, EntryOfFixedDirectory(FixedNodes.DaemonSocketDirectory), AfterDotDot + 1);
                break;
            case FixedNodes.DaemonSocketDirectory when request.Cookie <= AfterDotDot && Socket is { } socket:
                page.TryAdd(
                    FixedNodes.SocketName,
                    new FuseEntryOut(socket.Node, NodeAttributes.OfSocket(socket), FuseTimeout.Infinite, FuseTimeout.Infinite),
                    AfterDotDot + 1);
                break;
            default:
                break;
        }

        return page;
    }

    /// <summary>Adds "." and ".." where the cookie stands before them; false when the page is full already.</summary>
    private static bool TryAddDots(DirectoryPage page, ulong cookie, ulong node, ulong parent)
        => (cookie >= 1 || page.TryAddDot("."u8, node, 1))
            && (cookie >= AfterDotDot || page.TryAddDot(".."u8, parent, AfterDotDot));
}
