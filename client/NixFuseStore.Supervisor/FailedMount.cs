using NixFuseStore.Fuse.FileSystems;
using NixFuseStore.Fuse.Mounting;
using NixFuseStore.Fuse.Replies;
using NixFuseStore.Fuse.Requests;
using NixFuseStore.Fuse.Sessions;
using NixFuseStore.Native.Linux;
using NixFuseStore.Supervisor.Messages;

namespace NixFuseStore.Supervisor;

/// <summary>A mount that no worker can serve: everything is answered EIO, so that no program hangs, until it is unmounted.</summary>
internal sealed class FailedMount : IFuseFileSystem
{
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(200);

    /// <summary>Serves until the mount has gone, or a stop is asked for.</summary>
    /// <returns>The exit status.</returns>
    public static int Serve(FuseMount mount, KeptMount kept, KeptFiles files, string reason, Func<bool> stopRequested, Action<string> log)
    {
        log($"the processes that were to serve {mount.Path} ended one after the other ({reason}); everything there is answered with an error now: see what is the matter, and then nixfuse unmount and mount");

        // Who connects is refused, and does not wait.
        files.Control.Dispose();
        files.Daemon?.Dispose();
        var session = new FuseSession(mount.Channel, new FailedMount(), new FuseSessionOptions { Resume = kept.Connection, DispatchThreads = 1 });
        session.Start();
        while (!session.Completion.Wait(LookInterval))
        {
            if (stopRequested())
            {
                // The supervisor unmounts it.
                session.StopAsync(TimeSpan.Zero).GetAwaiter().GetResult();
            }
        }

        return 1;
    }

    /// <inheritdoc/>
    public void Lookup(in LookupRequest request, FuseReply reply) => reply.Error(Errno.EIO);

    /// <inheritdoc/>
    public void Forget(ulong node, ulong lookups)
    {
        // There is no answer.
    }

    /// <inheritdoc/>
    public void GetAttributes(in NodeRequest request, FuseReply reply) => reply.Error(Errno.EIO);

    /// <inheritdoc/>
    public void SetAttributes(in SetAttributesRequest request, FuseReply reply) => reply.Error(Errno.EIO);

    /// <inheritdoc/>
    public void ReadLink(in NodeRequest request, FuseReply reply) => reply.Error(Errno.EIO);

    /// <inheritdoc/>
    public void MakeNode(in MakeNodeRequest request, FuseReply reply) => reply.Error(Errno.EIO);

    /// <inheritdoc/>
    public void Unlink(in UnlinkRequest request, FuseReply reply) => reply.Error(Errno.EIO);

    /// <inheritdoc/>
    public void Read(in ReadRequest request, FuseReply reply) => reply.Error(Errno.EIO);

    /// <inheritdoc/>
    public void ReadDirectory(in ReadDirectoryRequest request, FuseReply reply) => reply.Error(Errno.EIO);

    /// <inheritdoc/>
    public void GetFileSystem(in NodeRequest request, FuseReply reply) => reply.Error(Errno.EIO);
}
