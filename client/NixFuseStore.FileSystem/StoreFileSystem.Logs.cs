using NixFuseStore.FileSystem.Nodes;
using NixFuseStore.Fuse.Kernel;
using NixFuseStore.Fuse.Replies;
using NixFuseStore.Fuse.Requests;
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
                // Not kept: nothing tells the kernel when the log comes, and whoever has just added it wants to see it.
                pending.Entry(FuseEntryOut.Absent(FuseTimeout.None));
                return;
            }

            var node = self._logs.Keep(derivation, text);
            pending.Entry(new FuseEntryOut(node, NodeAttributes.OfFixedFile(node, (ulong)text.Length), FuseTimeout.Infinite, FuseTimeout.Infinite));
        });
    }

    private void GetLogAttributes(ulong node, FuseReply reply) =>
        Defer(reply, "attributes of a log, ", _options.LookupDeadline, new NodeId(node), static async (self, pending, node) =>
        {
            if (await self.FindLogTextAsync(node.Value, pending.Token).ConfigureAwait(false) is { } text)
            {
                pending.Attributes(NodeAttributes.OfFixedFile(node.Value, (ulong)text.Length), FuseTimeout.Infinite);
            }
            else
            {
                pending.Error(Stale);
            }
        });

    private void ReadLog(in ReadRequest request, FuseReply reply) =>
        Defer(reply, "read of", LogReadDeadline, request, static async (self, pending, request) =>
        {
            if (await self.FindLogTextAsync(request.Node, pending.Token).ConfigureAwait(false) is { } text)
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

    private async ValueTask<byte[]?> FindLogTextAsync(ulong node, CancellationToken cancellationToken)
    {
        if (_logs.TryGetText(node, out var text))
        {
            return text;
        }

        if (!_logs.TryGetDerivation(node, out var derivation)
            || await _options.FindBuildLog!(derivation, cancellationToken).ConfigureAwait(false) is not { } found)
        {
            return null;
        }

        _logs.Keep(derivation, found);
        return found;
    }
}
