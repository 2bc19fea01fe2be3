using System.Runtime.InteropServices;
using NixFuseStore.Client.Chunks;
using NixFuseStore.Client.Trees;
using NixFuseStore.Content;
using NixFuseStore.FileSystem.Nodes;
using NixFuseStore.Fuse.Kernel;
using NixFuseStore.Fuse.Replies;
using NixFuseStore.Fuse.Requests;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.FileSystem;

/// <content>READ and READLINK.</content>
public sealed partial class StoreFileSystem
{
    /// <summary>PATH_MAX: Linux takes no longer target.</summary>
    private const int TargetBytesMax = 4096;

    /// <inheritdoc/>
    public void Read(in ReadRequest request, FuseReply reply)
    {
        var node = new NodeId(request.Node);
        var length = (int)Math.Min(request.Bytes, FuseLimits.ReadBytesMax);
        if (TryResolve(node, out var handle, out var tree))
        {
            if (ReadError(tree, node) is var error and not Errno.None)
            {
                reply.Error(error);
                return;
            }

            if (_reader.TryRead(handle, node.Entry, request.Offset, length, out var lease))
            {
                if (lease.Segments.Length <= FuseLimits.SegmentsMax)
                {
                    reply.Data(Vectors(lease), lease);
                    return;
                }

                lease.Dispose();
            }
        }
        else if (node.IsFixed)
        {
            reply.Error(FixedNodes.IsDirectory(node.Value) ? Errno.EISDIR : Errno.EINVAL);
            return;
        }
        else if (_logs.TryGetDerivation(node, out _))
        {
            ReadLog(request, reply);
            return;
        }

        Defer(reply, "read of", _options.ReadDeadline, request, static (self, pending, request) => self.ReadAsync(pending, request));
    }

    /// <inheritdoc/>
    public void ReadLink(in NodeRequest request, FuseReply reply)
    {
        var node = new NodeId(request.Node);
        if (TryResolve(node, out var handle, out var tree))
        {
            if (LinkError(handle, tree, node) is var error and not Errno.None)
            {
                reply.Error(error);
                return;
            }

            Span<byte> target = stackalloc byte[TargetBytesMax];
            if (_reader.TryReadLink(handle, node.Entry, target, out var written))
            {
                reply.Bytes(target[..written]);
                return;
            }
        }
        else if (node.IsFixed || _logs.TryGetDerivation(node, out _))
        {
            reply.Error(Errno.EINVAL);
            return;
        }

        Defer(reply, "link target of", _options.LookupDeadline, node, static async (self, pending, node) =>
        {
            var (handle, tree) = await self.ResolveTreeAsync(node, pending.Token).ConfigureAwait(false);
            if (handle is null || tree is null)
            {
                pending.Error(Stale);
            }
            else if (LinkError(handle, tree, node) is var error and not Errno.None)
            {
                pending.Error(error);
            }
            else
            {
                pending.Bytes(await self._reader.ReadLinkAsync(handle, node.Entry, pending.Token).ConfigureAwait(false));
            }
        });
    }

    private static Errno LinkError(PathHandle handle, ManifestTree tree, NodeId node)
    {
        if (handle.IsRemoved)
        {
            return Stale;
        }

        return tree.Kind(node.Entry) != EntryKind.Symlink ? Errno.EINVAL
            : tree.Size(node.Entry) > TargetBytesMax ? Errno.ENAMETOOLONG
            : Errno.None;
    }

    private static Errno ReadError(ManifestTree tree, NodeId node) => tree.Kind(node.Entry) switch
    {
        EntryKind.Regular => Errno.None,
        EntryKind.Directory => Errno.EISDIR,
        _ => Errno.EINVAL,
    };

    private async Task ReadAsync(FusePendingRequest pending, ReadRequest request)
    {
        var node = new NodeId(request.Node);
        var (handle, tree) = await ResolveTreeAsync(node, pending.Token).ConfigureAwait(false);
        if (handle is null || tree is null)
        {
            pending.Error(Stale);
            return;
        }

        if (ReadError(tree, node) is var error and not Errno.None)
        {
            pending.Error(error);
            return;
        }

        var length = (int)Math.Min(request.Bytes, FuseLimits.ReadBytesMax);
        var lease = await _reader.ReadAsync(handle, node.Entry, request.Offset, length, pending.Token).ConfigureAwait(false);
        if (lease.Segments.Length <= FuseLimits.SegmentsMax)
        {
            pending.Data(Vectors(lease), lease);
            return;
        }

        // Very small chunks in great number: more pieces than one writev takes.
        byte[] copy;
        using (lease)
        {
            copy = new byte[lease.Length];
            lease.CopyTo(copy);
        }

        pending.Bytes(copy);
    }

    /// <summary>The lease's segments where they lie: both types are laid out as <c>struct iovec</c>.</summary>
    private static ReadOnlySpan<IoVector> Vectors(ReadLease lease) => MemoryMarshal.Cast<ReadSegment, IoVector>(lease.Segments);
}
