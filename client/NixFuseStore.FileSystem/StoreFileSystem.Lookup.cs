using System.Text;
using NixFuseStore.Client.Paths;
using NixFuseStore.Client.Trees;
using NixFuseStore.Content;
using NixFuseStore.FileSystem.Nodes;
using NixFuseStore.Fuse.Kernel;
using NixFuseStore.Fuse.Replies;
using NixFuseStore.Fuse.Requests;
using NixFuseStore.Native.Linux;
using NixFuseStore.Nix;

namespace NixFuseStore.FileSystem;

/// <content>LOOKUP.</content>
public sealed partial class StoreFileSystem
{
    /// <inheritdoc/>
    public void Lookup(in LookupRequest request, FuseReply reply)
    {
        var parent = new NodeId(request.Parent);
        if (!parent.IsFixed)
        {
            LookupInPath(parent, request.Name, reply);
        }
        else if (request.Name.SequenceEqual("."u8))
        {
            AnswerFixed(parent.Value, reply);
        }
        else if (request.Name.SequenceEqual(".."u8) && IsSocket(parent.Value))
        {
            AnswerFixed(FixedNodes.DaemonSocketDirectory, reply);
        }
        else if (!FixedNodes.IsDirectory(parent.Value))
        {
            reply.Error(IsSocket(parent.Value) ? Errno.ENOTDIR : Stale);
        }
        else if (request.Name.SequenceEqual(".."u8))
        {
            AnswerFixed(FixedNodes.Parent(parent.Value), reply);
        }
        else if (parent.Value == FixedNodes.Store)
        {
            LookupStorePath(request.Name, reply);
        }
        else if (parent.Value == FixedNodes.DaemonSocketDirectory)
        {
            LookupSocket(request.Name, reply);
        }
        else if (FixedNodes.IsLogPrefix(parent.Value))
        {
            LookupLog(parent.Value, request.Name, reply);
        }
        else if (FixedNodes.FindDirectory(parent.Value, request.Name) is var directory and not 0)
        {
            AnswerFixed(directory, reply);
        }
        else
        {
            reply.Entry(FuseEntryOut.Absent(FuseTimeout.Infinite));
        }
    }

    private void LookupStorePath(ReadOnlySpan<byte> name, FuseReply reply)
    {
        // 1. Known: the common case, from memory.
        if (_reader.TryGetKnown(name, out var handle) && !handle.IsRemoved)
        {
            Answer(reply, handle, EntryOfPath(handle));
            RecheckRemoval(handle);
            return;
        }

        // 2. Listed a moment ago, and signed.
        var moment = _listing.Listed.Moment;
        if (TryFindListed(name, out var listed))
        {
            if (!reply.Entry(listed))
            {
                _nodes.Release(new NodeId(listed.Node).Slot, 1);
            }

            RecheckListed(moment);
            return;
        }

        // 3. What can never be a path (".git", "lib", a name that a shell tries) costs no question, now or later.
        if (!StorePath.TryParseBaseName(name, out var path))
        {
            reply.Entry(FuseEntryOut.Absent(FuseTimeout.Infinite));
            return;
        }

        // 4. The server knows.
        Defer(reply, "lookup of", _options.RootLookupDeadline, path, static (self, pending, path) => self.LookupStorePathAsync(pending, path));
    }

    /// <summary>The answer to a lookup from what was listed, counted as one.</summary>
    private bool TryFindListed(ReadOnlySpan<byte> name, out FuseEntryOut entry)
    {
        entry = default;
        if (name.Length > StorePath.BaseNameLengthMax)
        {
            return false;
        }

        Span<char> text = stackalloc char[StorePath.BaseNameLengthMax];
        text = text[..Encoding.Latin1.GetChars(name, text)];
        return _listing.Listed.TryGet(text, out var baseName, out var listed) && TryEnterListed(baseName, listed.Kind, listed.Content, out entry);
    }

    /// <summary>A node id stands for one content, which whatever is wanted of the path later has to have.</summary>
    private bool TryEnterListed(string baseName, EntryKind kind, ListedContent content, out FuseEntryOut entry)
    {
        if (!_nodes.TryAddListed(baseName, content, out var slot))
        {
            entry = default;
            return false;
        }

        entry = new FuseEntryOut(
            new NodeId(slot.Number, 0).Value, NodeAttributes.OfListed(slot, kind, content), FuseTimeout.Infinite, FuseTimeout.Infinite);
        return true;
    }

    /// <summary>As <see cref="RecheckRemoval"/>, for answers that came from a listing.</summary>
    private void RecheckListed(long moment)
    {
        if (_listing.Listed.Moment != moment)
        {
            foreach (var name in _listing.Listed.FindRemovedSince(moment))
            {
                _notifier?.AnnounceRemoval(name);
            }
        }
    }

    private async Task LookupStorePathAsync(FusePendingRequest pending, StorePath path)
    {
        var found = await FindPathAsync(path, pending.Token).ConfigureAwait(false)
            ?? await _reader.FindUpstreamAsync(path, pending.Token).ConfigureAwait(false);
        if (found is not { } handle)
        {
            // Before the answer, so that a change that arrives behind it finds the name; and one that arrived before it is found here.
            _negatives.Add(path.BaseName);
            if (!_reader.TryGetKnown(Encoding.ASCII.GetBytes(path.BaseName), out handle))
            {
                pending.Entry(FuseEntryOut.Absent(_negativeTimeout));
                return;
            }
        }

        Answer(pending, handle, EntryOfPath(handle));
        RecheckRemoval(handle);
    }

    private void Answer(FuseReply reply, PathHandle handle, in FuseEntryOut entry)
    {
        var lookups = CountLookup(handle, entry);
        if (!reply.Entry(entry))
        {
            _nodes.Release(handle.Slot, lookups);
        }
    }

    private void Answer(FusePendingRequest pending, PathHandle handle, in FuseEntryOut entry)
    {
        var lookups = CountLookup(handle, entry);
        if (!pending.Entry(entry))
        {
            _nodes.Release(handle.Slot, lookups);
        }
    }

    // The store directory, found as "..", is no node of the path; an absent name is none at all.
    private uint CountLookup(PathHandle handle, in FuseEntryOut entry)
    {
        if (new NodeId(entry.Node).IsFixed)
        {
            return 0;
        }

        _nodes.AddLookups(handle, 1);
        return 1;
    }

    /// <summary>Asks for a path, together with those that a program that goes through the listing will ask for next.</summary>
    private async ValueTask<PathHandle?> FindPathAsync(StorePath path, CancellationToken cancellationToken)
    {
        var paths = _recordReadAhead.Plan(path);
        return paths.Count == 1
            ? await _reader.FindAsync(path, cancellationToken).ConfigureAwait(false)
            : (await _reader.FindManyAsync(paths, cancellationToken).ConfigureAwait(false))[0];
    }

    private FuseEntryOut EntryOfPath(PathHandle handle)
    {
        _nodes.Attach(handle);
        return new FuseEntryOut(new NodeId(handle.Slot, 0).Value, NodeAttributes.OfRoot(handle), FuseTimeout.Infinite, FuseTimeout.Infinite);
    }

    /// <summary>
    /// A removal that was announced while the answer was on its way found nothing to drop in the kernel, which then kept the
    /// answer for ever; so look again afterwards.
    /// </summary>
    private void RecheckRemoval(PathHandle handle)
    {
        if (handle.IsRemoved)
        {
            _notifier?.AnnounceRemoval(handle.Path.BaseName);
        }
    }

    private void LookupInPath(NodeId parent, ReadOnlySpan<byte> name, FuseReply reply)
    {
        if (!TryResolve(parent, out var handle, out var tree))
        {
            if (_logs.TryGetDerivation(parent, out _))
            {
                LookupInLog(parent, name, reply);
                return;
            }

            Defer(reply, "lookup of", _options.LookupDeadline, (parent, name.ToArray()), static async (self, pending, state) =>
            {
                var (node, name) = state;
                var (handle, tree) = await self.ResolveTreeAsync(node, pending.Token).ConfigureAwait(false);
                if (handle is null || tree is null)
                {
                    pending.Error(Stale);
                }
                else if (FindInPath(handle, tree, node, name, out var entry) is var error and not Errno.None)
                {
                    pending.Error(error);
                }
                else
                {
                    self.Answer(pending, handle, entry);
                }
            });
        }
        else if (FindInPath(handle, tree, parent, name, out var entry) is var error and not Errno.None)
        {
            reply.Error(error);
        }
        else
        {
            Answer(reply, handle, entry);
            if (new NodeId(entry.Node) is { IsFixed: false } found)
            {
                // A program that looks a file up will probably read it. After the answer, so that it costs the caller nothing.
                _reader.OnLookup(handle, found.Entry);
            }
        }
    }

    /// <summary>The answer to a lookup below a path. All of it is immutable, absence too, so the kernel may keep it for ever.</summary>
    private static Errno FindInPath(PathHandle handle, ManifestTree tree, NodeId node, ReadOnlySpan<byte> name, out FuseEntryOut entry)
    {
        entry = default;
        if (handle.IsRemoved)
        {
            return Stale;
        }

        int index;
        if (name.SequenceEqual("."u8))
        {
            index = node.Entry;
        }
        else if (name.SequenceEqual(".."u8))
        {
            if (node.Entry == 0)
            {
                entry = EntryOfFixedDirectory(FixedNodes.Store);
                return Errno.None;
            }

            index = tree.Parent(node.Entry);
        }
        else if (tree.Kind(node.Entry) != EntryKind.Directory)
        {
            return Errno.ENOTDIR;
        }
        else if (!tree.TryFind(node.Entry, name, out index))
        {
            entry = FuseEntryOut.Absent(FuseTimeout.Infinite);
            return Errno.None;
        }

        entry = EntryInPath(handle, tree, index);
        return Errno.None;
    }

    private static FuseEntryOut EntryInPath(PathHandle handle, ManifestTree tree, int entry)
        => new(new NodeId(handle.Slot, entry).Value, NodeAttributes.OfEntry(handle, tree, entry), FuseTimeout.Infinite, FuseTimeout.Infinite);

    private static FuseEntryOut EntryOfFixedDirectory(ulong node)
        => new(node, NodeAttributes.OfFixedDirectory(node), FuseTimeout.Infinite, FuseTimeout.Infinite);

    private void AnswerFixed(ulong node, FuseReply reply)
    {
        if (FixedNodes.IsDirectory(node))
        {
            reply.Entry(EntryOfFixedDirectory(node));
        }
        else if (SocketAttributes(node) is { } attributes)
        {
            reply.Entry(new FuseEntryOut(node, attributes, FuseTimeout.Infinite, FuseTimeout.Infinite));
        }
        else
        {
            reply.Error(Stale);
        }
    }
}
