using NixFuseStore.Fuse.FileSystems;
using NixFuseStore.Fuse.Kernel;
using NixFuseStore.Fuse.Replies;
using NixFuseStore.Fuse.Requests;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Fuse.Tests.Sessions;

/// <summary>A file system whose lookups do what a test says; everything else is EROFS.</summary>
internal sealed class ScriptedFileSystem : IFuseFileSystem
{
    public delegate void LookupAction(in LookupRequest request, FuseReply reply);

    public delegate void ReadAction(in ReadRequest request, FuseReply reply);

    public LookupAction OnLookup { get; set; } = static (in LookupRequest _, FuseReply reply) => reply.Error(Errno.ENOENT);

    public ReadAction OnRead { get; set; } = static (in ReadRequest _, FuseReply reply) => reply.Bytes(default);

    public Action<ulong>? OnForget { get; set; }

    public void Lookup(in LookupRequest request, FuseReply reply) => OnLookup(request, reply);

    public void Forget(ulong node, ulong lookups) => OnForget?.Invoke(node);

    public void GetAttributes(in NodeRequest request, FuseReply reply) =>
        reply.Attributes(new FuseAttr { Inode = request.Node }, FuseTimeout.Infinite);

    public void SetAttributes(in SetAttributesRequest request, FuseReply reply) => reply.Error(Errno.EROFS);

    public void ReadLink(in NodeRequest request, FuseReply reply) => reply.Error(Errno.EINVAL);

    public void MakeNode(in MakeNodeRequest request, FuseReply reply) => reply.Error(Errno.EROFS);

    public void Unlink(in UnlinkRequest request, FuseReply reply) => reply.Error(Errno.EROFS);

    public void Read(in ReadRequest request, FuseReply reply) => OnRead(request, reply);

    public void ReadDirectory(in ReadDirectoryRequest request, FuseReply reply) => reply.Directory(DirectoryPage.Rent(request));

    public void GetFileSystem(in NodeRequest request, FuseReply reply) => reply.FileSystem(default);
}
