using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using NixFuseStore.Fuse.FileSystems;
using NixFuseStore.Fuse.Kernel;
using NixFuseStore.Fuse.Replies;
using NixFuseStore.Fuse.Requests;

namespace NixFuseStore.Fuse.Tests.Requests;

/// <summary>Writes down what it is asked, in words, and gives the plainest answer.</summary>
internal sealed class RecordingFileSystem : IFuseFileSystem
{
    public ConcurrentQueue<string> Calls { get; } = new();

    public void Lookup(in LookupRequest request, FuseReply reply)
    {
        Record($"lookup {request.Parent} {Text(request.Name)} {Text(request.Caller)}");
        reply.Entry(FuseEntryOut.Absent(FuseTimeout.None));
    }

    public void Forget(ulong node, ulong lookups) => Record($"forget {node} {lookups}");

    public void GetAttributes(in NodeRequest request, FuseReply reply)
    {
        Record($"getattr {request.Node} {Text(request.Caller)}");
        reply.Attributes(default, FuseTimeout.None);
    }

    public void SetAttributes(in SetAttributesRequest request, FuseReply reply)
    {
        Record($"setattr {request.Node} mode={request.Mode} uid={request.UserId} gid={request.GroupId} size={request.Size} times={request.ChangesTimes}");
        reply.Attributes(default, FuseTimeout.None);
    }

    public void ReadLink(in NodeRequest request, FuseReply reply)
    {
        Record($"readlink {request.Node} {Text(request.Caller)}");
        reply.Bytes("target"u8);
    }

    public void MakeNode(in MakeNodeRequest request, FuseReply reply)
    {
        Record($"mknod {request.Parent} {Text(request.Name)} mode={request.Mode} umask={request.UserMask}");
        reply.Entry(FuseEntryOut.Absent(FuseTimeout.None));
    }

    public void Unlink(in UnlinkRequest request, FuseReply reply)
    {
        Record($"unlink {request.Parent} {Text(request.Name)}");
        reply.Done();
    }

    public void Read(in ReadRequest request, FuseReply reply)
    {
        Record($"read {request.Node} {request.Offset}+{request.Bytes}");
        reply.Bytes("bytes"u8);
    }

    public void ReadDirectory(in ReadDirectoryRequest request, FuseReply reply)
    {
        Record($"readdir {request.Node} {request.Cookie} {request.Bytes} plus={request.WithAttributes}");
        reply.Directory(DirectoryPage.Rent(request));
    }

    public void GetFileSystem(in NodeRequest request, FuseReply reply)
    {
        Record($"statfs {request.Node}");
        reply.FileSystem(default);
    }

    private static string Text(ReadOnlySpan<byte> name) => Encoding.UTF8.GetString(name);

    private static string Text(FuseCaller caller) => string.Create(CultureInfo.InvariantCulture, $"by {caller.UserId}:{caller.GroupId}:{caller.ProcessId}");

    private void Record(FormattableString call) => Calls.Enqueue(FormattableString.Invariant(call));
}
