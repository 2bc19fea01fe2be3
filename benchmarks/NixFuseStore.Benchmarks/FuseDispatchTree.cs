using NixFuseStore.Fuse.FileSystems;
using NixFuseStore.Fuse.Kernel;
using NixFuseStore.Fuse.Replies;
using NixFuseStore.Fuse.Requests;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Benchmarks;

/// <summary>Answers without looking anything up, so that only the session's own cost is left.</summary>
internal sealed unsafe class FuseDispatchTree : IFuseFileSystem
{
    public const uint ReadBytes = 1 << 20;

    private const int Segments = 16;

    private static readonly byte[] Content = GC.AllocateArray<byte>((int)ReadBytes / Segments, pinned: true);
    private static readonly FuseAttr File = new() { Inode = 5, Size = ReadBytes, Mode = FuseMode.Regular | 0x124, Links = 1 };
    private static readonly FuseEntryOut Entry = new(5, File, FuseTimeout.Infinite, FuseTimeout.Infinite);

    public void Lookup(in LookupRequest request, FuseReply reply) => reply.Entry(Entry);

    public void Forget(ulong node, ulong lookups)
    {
    }

    public void GetAttributes(in NodeRequest request, FuseReply reply) => reply.Attributes(File, FuseTimeout.Infinite);

    public void SetAttributes(in SetAttributesRequest request, FuseReply reply) => reply.Error(Errno.EROFS);

    public void ReadLink(in NodeRequest request, FuseReply reply) => reply.Bytes("target"u8);

    public void MakeNode(in MakeNodeRequest request, FuseReply reply) => reply.Error(Errno.EROFS);

    public void Unlink(in UnlinkRequest request, FuseReply reply) => reply.Error(Errno.EROFS);

    public void Read(in ReadRequest request, FuseReply reply)
    {
        var segments = stackalloc IoVector[Segments];
        fixed (byte* content = Content)
        {
            for (var i = 0; i < Segments; i++)
            {
                segments[i] = new IoVector(content, (nuint)Content.Length);
            }

            reply.Data(new ReadOnlySpan<IoVector>(segments, Segments), lease: null);
        }
    }

    public void ReadDirectory(in ReadDirectoryRequest request, FuseReply reply)
    {
        var page = DirectoryPage.Rent(request);
        var cookie = request.Cookie;
        while (page.TryAdd("libpython3.11.so.1.0"u8, Entry, ++cookie))
        {
        }

        reply.Directory(page);
    }

    public void GetFileSystem(in NodeRequest request, FuseReply reply) => reply.FileSystem(default);
}
