using NixFuseStore.FileSystem.Nodes;
using NixFuseStore.Fuse.Kernel;
using NixFuseStore.Fuse.Replies;
using NixFuseStore.Fuse.Requests;

namespace NixFuseStore.FileSystem;

/// <content>GETATTR and STATFS.</content>
public sealed partial class StoreFileSystem
{
    private const uint BlockBytes = 4096;

    /// <summary>
    /// Size shown for the whole store, in blocks (8 TiB): there is no telling, and programs that look want to know whether there is room. 32-bit
    /// programs without large-file support take no more.
    /// </summary>
    private const ulong BlocksShown = int.MaxValue;

    private const ulong FilesShown = int.MaxValue;

    /// <inheritdoc/>
    public void GetAttributes(in NodeRequest request, FuseReply reply)
    {
        var node = new NodeId(request.Node);
        if (node.IsFixed)
        {
            GetFixedAttributes(node.Value, reply);
        }
        else if (node.Entry == 0 && _nodes.Find(node.Slot) is { IsRemoved: false } handle)
        {
            // The path itself needs no tree: its record says what it is.
            reply.Attributes(NodeAttributes.OfRoot(handle), FuseTimeout.Infinite);
        }
        else if (!TryResolve(node, out handle, out var tree))
        {
            if (_logs.TryGetDerivation(node, out _))
            {
                GetLogAttributes(node, reply);
                return;
            }

            Defer(reply, "attributes of", _options.LookupDeadline, node, static async (self, pending, node) =>
            {
                if (node.Entry == 0)
                {
                    // A path that the kernel knows from a listing, or from an earlier process.
                    if (await self.ResolveAsync(node, pending.Token).ConfigureAwait(false) is { IsRemoved: false } root)
                    {
                        pending.Attributes(NodeAttributes.OfRoot(root), FuseTimeout.Infinite);
                    }
                    else
                    {
                        pending.Error(Stale);
                    }

                    return;
                }

                var (handle, tree) = await self.ResolveTreeAsync(node, pending.Token).ConfigureAwait(false);
                if (handle is null or { IsRemoved: true } || tree is null)
                {
                    pending.Error(Stale);
                }
                else
                {
                    pending.Attributes(NodeAttributes.OfEntry(handle, tree, node.Entry), FuseTimeout.Infinite);
                }
            });
        }
        else if (handle.IsRemoved)
        {
            reply.Error(Stale);
        }
        else
        {
            reply.Attributes(NodeAttributes.OfEntry(handle, tree, node.Entry), FuseTimeout.Infinite);
        }
    }

    /// <inheritdoc/>
    public void GetFileSystem(in NodeRequest request, FuseReply reply)
        => reply.FileSystem(new FuseStatFs
        {
            Blocks = BlocksShown,
            BlocksFree = BlocksShown,
            BlocksAvailable = BlocksShown,
            Files = FilesShown,
            FilesFree = FilesShown,
            BlockSize = BlockBytes,
            FragmentSize = BlockBytes,
            NameBytesMax = FuseLimits.NameBytesMax,
        });

    private void GetFixedAttributes(ulong node, FuseReply reply)
    {
        if (FixedNodes.IsDirectory(node))
        {
            reply.Attributes(NodeAttributes.OfFixedDirectory(node), FuseTimeout.Infinite);
        }
        else if (SocketAttributes(node) is { } attributes)
        {
            reply.Attributes(attributes, FuseTimeout.Infinite);
        }
        else
        {
            reply.Error(Stale);
        }
    }
}
