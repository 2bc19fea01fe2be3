using NixFuseStore.Fuse.FileSystems;
using NixFuseStore.Fuse.Kernel;
using NixFuseStore.Fuse.Mounting;
using NixFuseStore.Fuse.Replies;
using NixFuseStore.Fuse.Requests;
using NixFuseStore.Fuse.Sessions;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Fuse.Tests.Mounting;

/// <summary>The whole way of a request through the real device leaves nothing to collect.</summary>
public sealed class RequestAllocationTests
{
    [Fact]
    public async Task StatOfAMount_AllocatesNothingOnTheDispatchThread()
    {
        TreeMount.SkipUnlessPossible();
        var path = Directory.CreateTempSubdirectory("fuse-test-").FullName;
        var fileSystem = new Meter();
        using (var mount = FuseMount.Create(path))
        {
            var session = new FuseSession(mount.Channel, fileSystem, new FuseSessionOptions { DispatchThreads = 1 });
            session.Start();
            await session.Connection;
            mount.RemountReadOnly();
            for (var i = 0; i < 3000; i++)
            {
                Libc.GetMode(path, out _);
            }

            Assert.True(mount.TryUnmount(lazyWhenBusy: true));
            await session.Completion.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        }

        Directory.Delete(path);
        Assert.InRange(fileSystem.Requests, 3000, 4000);
        Assert.Equal(0, fileSystem.AllocatedBytes);
    }

    /// <summary>Attributes are never kept, so that each stat(2) comes here; measures from one call to the next.</summary>
    private sealed class Meter : IFuseFileSystem
    {
        private long _before;

        public int Requests { get; private set; }

        public long AllocatedBytes { get; private set; }

        public void GetAttributes(in NodeRequest request, FuseReply reply)
        {
            var now = GC.GetAllocatedBytesForCurrentThread();
            if (++Requests > 100)
            {
                AllocatedBytes += now - _before;
            }

            _before = now;
            reply.Attributes(new FuseAttr { Inode = 1, Mode = FuseMode.Directory | 0x16D, Links = 2 }, FuseTimeout.None);
        }

        public void Lookup(in LookupRequest request, FuseReply reply) => reply.Error(Errno.ENOENT);

        public void Forget(ulong node, ulong lookups)
        {
        }

        public void SetAttributes(in SetAttributesRequest request, FuseReply reply) => reply.Error(Errno.EROFS);

        public void ReadLink(in NodeRequest request, FuseReply reply) => reply.Error(Errno.EINVAL);

        public void MakeNode(in MakeNodeRequest request, FuseReply reply) => reply.Error(Errno.EROFS);

        public void Unlink(in UnlinkRequest request, FuseReply reply) => reply.Error(Errno.EROFS);

        public void Read(in ReadRequest request, FuseReply reply) => reply.Error(Errno.EISDIR);

        public void ReadDirectory(in ReadDirectoryRequest request, FuseReply reply) => reply.Directory(DirectoryPage.Rent(request));

        public void GetFileSystem(in NodeRequest request, FuseReply reply) => reply.FileSystem(default);
    }
}
