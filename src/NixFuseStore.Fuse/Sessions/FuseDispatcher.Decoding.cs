using NixFuseStore.Fuse.Kernel;
using NixFuseStore.Fuse.Replies;
using NixFuseStore.Fuse.Requests;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Fuse.Sessions;

/// <summary>From bytes to typed requests: after this no code sees an offset.</summary>
internal sealed partial class FuseDispatcher
{
    private void Handle(ref RequestReader reader)
    {
        var info = OpcodeTable.Find(reader.Header.Opcode);
        switch (info.Treatment)
        {
            case OpcodeTreatment.NotImplemented:
                _responder.Error(Errno.ENOSYS);
                return;
            case OpcodeTreatment.ReadOnly:
                _responder.Error(Errno.EROFS);
                return;
            case OpcodeTreatment.NotTerminal:
                _responder.Error(Errno.ENOTTY);
                return;
            case OpcodeTreatment.Nothing:
                _responder.Done();
                return;
        }

        var refusal = reader.BytesLeft < info.ArgumentBytes ? Errno.EIO : Decode(ref reader);
        if (refusal != Errno.None)
        {
            Refuse(reader.Header.Opcode, refusal);
        }
    }

    /// <summary>Decodes a request and has it handled; or says why it cannot be decoded.</summary>
    private Errno Decode(ref RequestReader reader)
    {
        var reply = new FuseReply(_responder);
        var fileSystem = _session.FileSystem;
        switch (reader.Header.Opcode)
        {
            case FuseOpcode.Lookup:
                return DecodeLookup(ref reader, reply);
            case FuseOpcode.GetAttr:
                fileSystem.GetAttributes(new NodeRequest(reader.Header.Node, reader.Caller), reply);
                return Errno.None;
            case FuseOpcode.Read:
                return DecodeRead(ref reader, reply);
            case FuseOpcode.ReadDirectory:
            case FuseOpcode.ReadDirectoryPlus:
                return DecodeReadDirectory(ref reader, reply);
            case FuseOpcode.ReadLink:
                fileSystem.ReadLink(new NodeRequest(reader.Header.Node, reader.Caller), reply);
                return Errno.None;
            case FuseOpcode.StatFs:
                fileSystem.GetFileSystem(new NodeRequest(reader.Header.Node, reader.Caller), reply);
                return Errno.None;
            case FuseOpcode.ListXattr:
                return DecodeListExtendedAttributes(ref reader, reply);
            case FuseOpcode.SetAttr:
                return DecodeSetAttributes(ref reader, reply);
            case FuseOpcode.MakeNode:
                return DecodeMakeNode(ref reader, reply);
            case FuseOpcode.Unlink:
                return DecodeUnlink(ref reader, reply);
            case FuseOpcode.Forget:
                return DecodeForget(ref reader);
            case FuseOpcode.BatchForget:
                return DecodeBatchForget(ref reader);
            case FuseOpcode.Interrupt:
                return DecodeInterrupt(ref reader);
            case FuseOpcode.Init:
                _session.Negotiate(_responder, reader.ReadGrown<FuseInitIn>());
                return Errno.None;
            case FuseOpcode.Destroy:
                _responder.Done();
                return Errno.None;
            case FuseOpcode.NotifyReply: // to NOTIFY_RETRIEVE, which is never sent
                _responder.EndWithoutAnswer();
                return Errno.None;
            default:
                return Errno.ENOSYS;
        }
    }

    private Errno DecodeLookup(ref RequestReader reader, FuseReply reply)
    {
        var error = reader.ReadNameOrSelf(out var name);
        if (error == Errno.None)
        {
            _session.FileSystem.Lookup(new LookupRequest(reader.Header.Node, name, reader.Caller), reply);
        }

        return error;
    }

    private Errno DecodeRead(ref RequestReader reader, FuseReply reply)
    {
        if (!reader.TryRead<FuseReadIn>(out var argument))
        {
            return Errno.EIO;
        }

        // More than INIT agreed on is never asked for; offsets are signed in the kernel.
        if (argument.Bytes > FuseLimits.ReadBytesMax || argument.Offset > long.MaxValue)
        {
            return Errno.EINVAL;
        }

        _session.FileSystem.Read(new ReadRequest(reader.Header.Node, argument.Offset, argument.Bytes, reader.Caller), reply);
        return Errno.None;
    }

    private Errno DecodeReadDirectory(ref RequestReader reader, FuseReply reply)
    {
        if (!reader.TryRead<FuseReadIn>(out var argument))
        {
            return Errno.EIO;
        }

        var plus = reader.Header.Opcode == FuseOpcode.ReadDirectoryPlus;
        _session.FileSystem.ReadDirectory(
            new ReadDirectoryRequest(reader.Header.Node, argument.Offset, argument.Bytes, plus, reader.Caller), reply);
        return Errno.None;
    }

    /// <summary>
    /// No file here has extended attributes. An empty list rather than ENOSYS, which programs that copy attributes (tar, rsync, getfattr)
    /// report as an error for each file. Nothing asks for it when files are only looked at.
    /// </summary>
    private static Errno DecodeListExtendedAttributes(ref RequestReader reader, FuseReply reply)
    {
        if (!reader.TryRead<FuseGetXattrIn>(out var argument))
        {
            return Errno.EIO;
        }

        if (argument.Bytes == 0)
        {
            // The question was how much room the list needs.
            Span<byte> none = stackalloc byte[System.Runtime.CompilerServices.Unsafe.SizeOf<FuseGetXattrOut>()];
            none.Clear();
            reply.Bytes(none);
        }
        else
        {
            reply.Done();
        }

        return Errno.None;
    }

    private Errno DecodeSetAttributes(ref RequestReader reader, FuseReply reply)
    {
        if (!reader.TryRead<FuseSetAttrIn>(out var argument))
        {
            return Errno.EIO;
        }

        var valid = argument.Valid;
        var request = new SetAttributesRequest(
            reader.Header.Node,
            valid.HasFlag(FuseSetAttrFields.Mode) ? argument.Mode : null,
            valid.HasFlag(FuseSetAttrFields.UserId) ? argument.UserId : null,
            valid.HasFlag(FuseSetAttrFields.GroupId) ? argument.GroupId : null,
            valid.HasFlag(FuseSetAttrFields.Size) ? argument.Size : null,
            (valid & FuseSetAttrFields.Times) != 0,
            reader.Caller);
        _session.FileSystem.SetAttributes(request, reply);
        return Errno.None;
    }

    private Errno DecodeMakeNode(ref RequestReader reader, FuseReply reply)
    {
        if (!reader.TryRead<FuseMakeNodeIn>(out var argument))
        {
            return Errno.EIO;
        }

        var error = reader.ReadName(out var name);
        if (error == Errno.None)
        {
            _session.FileSystem.MakeNode(
                new MakeNodeRequest(reader.Header.Node, name, argument.Mode, argument.UserMask, reader.Caller), reply);
        }

        return error;
    }

    private Errno DecodeUnlink(ref RequestReader reader, FuseReply reply)
    {
        var error = reader.ReadName(out var name);
        if (error == Errno.None)
        {
            _session.FileSystem.Unlink(new UnlinkRequest(reader.Header.Node, name, reader.Caller), reply);
        }

        return error;
    }

    private Errno DecodeForget(ref RequestReader reader)
    {
        _responder.EndWithoutAnswer();
        if (!reader.TryRead<FuseForgetIn>(out var argument))
        {
            return Errno.EIO;
        }

        _session.FileSystem.Forget(reader.Header.Node, argument.Lookups);
        return Errno.None;
    }

    private Errno DecodeBatchForget(ref RequestReader reader)
    {
        _responder.EndWithoutAnswer();
        if (!reader.TryRead<FuseBatchForgetIn>(out var argument))
        {
            return Errno.EIO;
        }

        // The count is only believed as far as there are bytes for it.
        for (var i = 0u; i < argument.Count; i++)
        {
            if (!reader.TryRead<FuseForgetOne>(out var one))
            {
                return Errno.EIO;
            }

            _session.FileSystem.Forget(one.Node, one.Lookups);
        }

        return Errno.None;
    }

    private Errno DecodeInterrupt(ref RequestReader reader)
    {
        // The interrupt itself is answered only to have it repeated or switched off; we want neither.
        _responder.EndWithoutAnswer();
        if (!reader.TryRead<FuseInterruptIn>(out var argument))
        {
            return Errno.EIO;
        }

        _session.Replies.Pending.FindInterrupted(argument.Unique)?.Interrupt();
        return Errno.None;
    }
}
