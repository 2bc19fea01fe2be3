using NixFuseStore.Fuse.Replies;
using NixFuseStore.Fuse.Requests;

namespace NixFuseStore.Fuse.FileSystems;

/// <summary>
/// A read-only tree as the kernel asks about it. Methods are called on dispatch threads, several at once, and must not
/// wait: what is in memory is answered on the spot through the reply, anything else is handed on with
/// <see cref="FuseReply.Defer{TState}"/>. A method that does neither, or throws, is answered EIO.
/// Operations that are not here never reach the file system: the session answers them itself (see the opcode table).
/// </summary>
public interface IFuseFileSystem
{
    /// <summary>Answers with <see cref="FuseReply.Entry"/>, absent names included, or an error.</summary>
    void Lookup(in LookupRequest request, FuseReply reply);

    /// <summary>The kernel gives up <paramref name="lookups"/> references to a node. There is no answer; floods of these come with memory pressure.</summary>
    void Forget(ulong node, ulong lookups);

    /// <summary>Answers with <see cref="FuseReply.Attributes"/>.</summary>
    void GetAttributes(in NodeRequest request, FuseReply reply);

    /// <summary>Answers with <see cref="FuseReply.Attributes"/> as they are after the change, or EROFS.</summary>
    void SetAttributes(in SetAttributesRequest request, FuseReply reply);

    /// <summary>Answers with the target by <see cref="FuseReply.Bytes"/>.</summary>
    void ReadLink(in NodeRequest request, FuseReply reply);

    /// <summary>Answers with <see cref="FuseReply.Entry"/> for the new node, or EROFS.</summary>
    void MakeNode(in MakeNodeRequest request, FuseReply reply);

    /// <summary>Answers with <see cref="FuseReply.Done"/>, or EROFS.</summary>
    void Unlink(in UnlinkRequest request, FuseReply reply);

    /// <summary>Answers with <see cref="FuseReply.Data"/> or <see cref="FuseReply.Bytes"/>.</summary>
    void Read(in ReadRequest request, FuseReply reply);

    /// <summary>Answers with <see cref="FuseReply.Directory"/>; an empty page ends the listing.</summary>
    void ReadDirectory(in ReadDirectoryRequest request, FuseReply reply);

    /// <summary>Answers with <see cref="FuseReply.FileSystem"/>.</summary>
    void GetFileSystem(in NodeRequest request, FuseReply reply);
}
