using NixFuseStore.FileSystem.Nodes;
using NixFuseStore.Fuse.Kernel;
using NixFuseStore.Fuse.Replies;
using NixFuseStore.Fuse.Requests;
using NixFuseStore.Native.Linux;
using NixFuseStore.Nix;

namespace NixFuseStore.FileSystem;

/// <content>
/// Build logs, which stock Nix reads from disk behind its daemon's back: plain text at <c>var/log/nix/drvs/XX/REST</c>, where XX and REST make
/// up the base name of a .drv. They can be looked up only; directories show none of them.
/// </content>
public sealed partial class StoreFileSystem
{
    private const string DerivationExtension = ".drv";

    private static readonly TimeSpan LogReadDeadline = TimeSpan.FromSeconds(30);

    private void LookupLog(ulong parent, ReadOnlySpan<byte> name, FuseReply reply)
    {
        Span<byte> baseName = stackalloc byte[StorePath.BaseNameLengthMax];
        var prefix = FixedNodes.LogPrefix(parent, baseName);
        if (_options.FindBuildLog is null
            || name.Length > baseName.Length - prefix
            || !name.TryCopyTo(baseName[prefix..])
            || !StorePath.TryParseBaseName(baseName[..(prefix + name.Length)], out var derivation)
            || !derivation.BaseName.EndsWith(DerivationExtension, StringComparison.Ordinal))
        {
            // Compressed forms above all, which Nix looks for where there is no plain one.
            reply.Entry(FuseEntryOut.Absent(FuseTimeout.Infinite));
            return;
        }

        Defer(reply, "lookup of the log of", _options.LookupDeadline, derivation, static async (self, pending, derivation) =>
        {
            if (await self._options.FindBuildLog!(derivation, pending.Token).ConfigureAwait(false) is not { } text)
            {
                // Not kept: nothing tells the kernel when the log comes, and the one that has just added it wants to see it.
                pending.Entry(FuseEntryOut.Absent(FuseTimeout.None));
                return;
            }

            pending.Entry(EntryOfLog(self._logs.Keep(derivation, text), text));
        });
    }

    // A node stands for one text. Of its name that is not so: the log of a build that failed gives way to that of a later one.
    private static FuseEntryOut EntryOfLog(in Slot slot, byte[] text)
        => new(new NodeId(slot.Number, 0).Value, NodeAttributes.OfLog(slot, (ulong)text.Length), FuseTimeout.None, FuseTimeout.Infinite);

    /// <summary>LOOKUP in a log, which is no directory: only "." and ".." are there.</summary>
    private void LookupInLog(NodeId node, ReadOnlySpan<byte> name, FuseReply reply)
    {
        if (name.SequenceEqual("."u8))
        {
            Defer(reply, "lookup of a log, ", _options.LookupDeadline, node, static async (self, pending, node) =>
            {
                if (await self.FindLogAsync(node, pending.Token).ConfigureAwait(false) is { } found)
                {
                    pending.Entry(EntryOfLog(found.Slot, found.Text));
                }
                else
                {
                    pending.Error(Stale);
                }
            });
        }
        else if (name.SequenceEqual(".."u8) && _logs.TryGetDerivation(node, out var derivation))
        {
            Span<byte> baseName = stackalloc byte[StorePath.BaseNameLengthMax];
            System.Text.Encoding.ASCII.GetBytes(derivation.BaseName, baseName);
            AnswerFixed(FixedNodes.FindDirectory(FixedNodes.Logs, baseName[..FixedNodes.LogPrefixLength]), reply);
        }
        else
        {
            reply.Error(Errno.ENOTDIR);
        }
    }

    private void GetLogAttributes(NodeId node, FuseReply reply) =>
        Defer(reply, "attributes of a log, ", _options.LookupDeadline, node, static async (self, pending, node) =>
        {
            if (await self.FindLogAsync(node, pending.Token).ConfigureAwait(false) is { } found)
            {
                pending.Attributes(NodeAttributes.OfLog(found.Slot, (ulong)found.Text.Length), FuseTimeout.Infinite);
            }
            else
            {
                pending.Error(Stale);
            }
        });

    private void ReadLog(in ReadRequest request, FuseReply reply) =>
        Defer(reply, "read of", LogReadDeadline, request, static async (self, pending, request) =>
        {
            if (await self.FindLogAsync(new NodeId(request.Node), pending.Token).ConfigureAwait(false) is { Text: var text })
            {
                var offset = (int)Math.Min(request.Offset, (ulong)text.Length);
                var length = (int)Math.Min(request.Bytes, FuseLimits.ReadBytesMax);
                pending.Bytes(text.AsSpan(offset, Math.Min(length, text.Length - offset)));
            }
            else
            {
                pending.Error(Stale);
            }
        });

    /// <summary>The log of a node; null where there is none any more, or one with another text, which is another node.</summary>
    private async ValueTask<(Slot Slot, byte[] Text)?> FindLogAsync(NodeId node, CancellationToken cancellationToken)
    {
        if (_options.FindBuildLog is not { } find || !_logs.TryGetDerivation(node, out var derivation))
        {
            return null;
        }

        if (!_logs.TryGetText(node, out var text))
        {
            text = await find(derivation, cancellationToken).ConfigureAwait(false);
        }

        return text is not null && _logs.Keep(derivation, text) is var slot && slot.Number == node.Slot ? (slot, text) : null;
    }
}
