using NixFuseStore.FileSystem.Nodes;
using NixFuseStore.Fuse.Kernel;
using NixFuseStore.Fuse.Replies;
using NixFuseStore.Fuse.Requests;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.FileSystem;

/// <content>
/// MKNOD, SETATTR and UNLINK: all that may be made here is <c>var/nix/daemon-socket/socket</c>, by binding a unix socket to it
/// before the mount is made read-only.
/// </content>
public sealed partial class StoreFileSystem
{
    private readonly Lock _socketGate = new();

    // Both guarded by _socketGate. The inode number is the node id.
    private DaemonSocketNode? _socket;
    private ulong _nextSocket;

    /// <summary>The daemon's socket, for a process that goes on with the mount; null where none is bound.</summary>
    public DaemonSocketNode? Socket
    {
        get
        {
            lock (_socketGate)
            {
                return _socket;
            }
        }
    }

    /// <inheritdoc/>
    public void MakeNode(in MakeNodeRequest request, FuseReply reply)
    {
        if (request.Parent != FixedNodes.DaemonSocketDirectory
            || !request.Name.SequenceEqual(FixedNodes.SocketName)
            || (request.Mode & FuseMode.TypeMask) != FuseMode.Socket)
        {
            reply.Error(Errno.EROFS);
            return;
        }

        DaemonSocketNode made;
        lock (_socketGate)
        {
            if (_socket is not null)
            {
                reply.Error(Errno.EEXIST);
                return;
            }

            made = new DaemonSocketNode(_nextSocket++, request.Mode, request.Caller.UserId, request.Caller.GroupId);
            _socket = made;
        }

        reply.Entry(new FuseEntryOut(made.Node, NodeAttributes.OfSocket(made), FuseTimeout.Infinite, FuseTimeout.Infinite));
    }

    /// <inheritdoc/>
    public void SetAttributes(in SetAttributesRequest request, FuseReply reply)
    {
        DaemonSocketNode changed;
        lock (_socketGate)
        {
            if (_socket is not { } socket || socket.Node != request.Node || request.Size is not null)
            {
                reply.Error(Errno.EROFS);
                return;
            }

            changed = socket with
            {
                Mode = request.Mode is { } mode ? FuseMode.Socket | (mode & ~FuseMode.TypeMask) : socket.Mode,
                UserId = request.UserId ?? socket.UserId,
                GroupId = request.GroupId ?? socket.GroupId,
            };
            _socket = changed;
        }

        reply.Attributes(NodeAttributes.OfSocket(changed), FuseTimeout.Infinite);
    }

    /// <inheritdoc/>
    public void Unlink(in UnlinkRequest request, FuseReply reply)
    {
        if (request.Parent != FixedNodes.DaemonSocketDirectory || !request.Name.SequenceEqual(FixedNodes.SocketName))
        {
            reply.Error(Errno.EROFS);
            return;
        }

        bool removed;
        lock (_socketGate)
        {
            removed = _socket is not null;
            _socket = null;
        }

        reply.Error(removed ? Errno.None : Errno.ENOENT);
    }

    private void LookupSocket(ReadOnlySpan<byte> name, FuseReply reply)
    {
        if (name.SequenceEqual(FixedNodes.SocketName) && Socket is { } socket)
        {
            reply.Entry(new FuseEntryOut(socket.Node, NodeAttributes.OfSocket(socket), FuseTimeout.Infinite, FuseTimeout.Infinite));
            return;
        }

        // Not kept: the socket may be bound at any moment.
        reply.Entry(FuseEntryOut.Absent(FuseTimeout.None));
    }

    private FuseAttr? SocketAttributes(ulong node) => Socket is { } socket && socket.Node == node ? NodeAttributes.OfSocket(socket) : null;

    private bool IsSocket(ulong node) => SocketAttributes(node) is not null;
}
