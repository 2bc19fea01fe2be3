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
    private FuseAttr? _socket;
    private ulong _nextSocket = FixedNodes.SocketFirst;

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

        FuseAttr made;
        lock (_socketGate)
        {
            if (_socket is not null)
            {
                reply.Error(Errno.EEXIST);
                return;
            }

            made = NodeAttributes.OfFixedDirectory(_nextSocket++) with
            {
                Mode = request.Mode,
                Size = 0,
                Blocks = 0,
                UserId = request.Caller.UserId,
                GroupId = request.Caller.GroupId,
            };
            _socket = made;
        }

        reply.Entry(new FuseEntryOut(made.Inode, made, FuseTimeout.Infinite, FuseTimeout.Infinite));
    }

    /// <inheritdoc/>
    public void SetAttributes(in SetAttributesRequest request, FuseReply reply)
    {
        FuseAttr changed;
        lock (_socketGate)
        {
            if (_socket is not { } socket || socket.Inode != request.Node || request.Size is not null)
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

        reply.Attributes(changed, FuseTimeout.Infinite);
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
        if (name.SequenceEqual(FixedNodes.SocketName) && CurrentSocket() is { } socket)
        {
            reply.Entry(new FuseEntryOut(socket.Inode, socket, FuseTimeout.Infinite, FuseTimeout.Infinite));
            return;
        }

        // Not kept: the socket may be bound at any moment.
        reply.Entry(FuseEntryOut.Absent(FuseTimeout.None));
    }

    private FuseAttr? CurrentSocket()
    {
        lock (_socketGate)
        {
            return _socket;
        }
    }

    private FuseAttr? SocketAttributes(ulong node) => CurrentSocket() is { } socket && socket.Inode == node ? socket : null;

    private bool IsSocket(ulong node) => SocketAttributes(node) is not null;
}
