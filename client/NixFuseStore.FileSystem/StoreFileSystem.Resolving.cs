using NixFuseStore.Client.Trees;
using NixFuseStore.Content;
using NixFuseStore.FileSystem.Errors;
using NixFuseStore.FileSystem.Nodes;
using NixFuseStore.Fuse.Replies;
using NixFuseStore.Native.Linux;
using NixFuseStore.Nix;

namespace NixFuseStore.FileSystem;

/// <content>From node ids to handles and trees, and the frame around all work that waits.</content>
public sealed partial class StoreFileSystem
{
    /// <summary>
    /// The store's reader has the same deadlines, and knows what it waits for: its error comes first, and this one only where it hangs.
    /// </summary>
    private static readonly TimeSpan ReaderHeadStart = TimeSpan.FromMilliseconds(300);

    /// <summary>
    /// Hands a request to <paramref name="work"/> on the thread pool. Whatever is thrown there becomes an answer and a line in the log.
    /// </summary>
    private void Defer<TState>(
        FuseReply reply, string operation, TimeSpan deadline, TState state, Func<StoreFileSystem, FusePendingRequest, TState, Task> work)
        where TState : notnull
        => reply.Defer(
            deadline + ReaderHeadStart,
            (FileSystem: this, Operation: operation, State: state, Work: work, Deadline: deadline),
            static async (pending, call) =>
            {
                try
                {
                    await call.Work(call.FileSystem, pending, call.State).ConfigureAwait(false);
                }
                catch (OperationCanceledException) when (pending.Token.IsCancellationRequested)
                {
                    // The session has answered: EINTR to a program that was killed, EIO after the deadline.
                    if (pending.DeadlineMissed)
                    {
                        call.FileSystem._errors.Failed(
                            call.Operation,
                            call.FileSystem.Describe(call.State),
                            new TimeoutException($"no answer within {call.Deadline.TotalSeconds:0.###} s"));
                    }
                }
#pragma warning disable CA1031 // The one place where a failed request gets its error number; see ErrorMap.
                catch (Exception exception)
#pragma warning restore CA1031
                {
                    call.FileSystem._errors.Failed(call.Operation, call.FileSystem.Describe(call.State), exception);
                    pending.Error(ErrorMap.ToErrno(exception));
                }
            });

    /// <summary>The handle of a node, met before or brought back by what is remembered of node ids; null for a stale node.</summary>
    private async ValueTask<PathHandle?> ResolveAsync(NodeId node, CancellationToken cancellationToken)
    {
        if (_nodes.Find(node.Slot) is { } known)
        {
            return known;
        }

        // The kernel holds a node that an earlier process gave it.
        if (!_nodes.TryGetKey(node.Slot, out var key) || !StorePath.TryParseBaseName(key.BaseName.AsSpan(), out var path))
        {
            return null;
        }

        var found = await _reader.FindAsync(path, cancellationToken).ConfigureAwait(false);
        if (found is null || found.Digest != key.Digest)
        {
            return null;
        }

        _nodes.Attach(found);
        return found;
    }

    /// <summary>Handle and tree of a node, with the node's entry checked; ESTALE where there is none.</summary>
    private async ValueTask<(PathHandle? Handle, ManifestTree? Tree)> ResolveTreeAsync(NodeId node, CancellationToken cancellationToken)
    {
        if (await ResolveAsync(node, cancellationToken).ConfigureAwait(false) is not { } handle)
        {
            return default;
        }

        var tree = handle.Tree ?? await _reader.GetTreeAsync(handle, cancellationToken).ConfigureAwait(false);
        return (uint)node.Entry < (uint)tree.Count ? (handle, tree) : default;
    }

    /// <summary>Handle and tree of a node as far as both are in memory.</summary>
    private bool TryResolve(NodeId node, out PathHandle handle, out ManifestTree tree)
    {
        if (_nodes.Find(node.Slot) is { Tree: { } present } found && (uint)node.Entry < (uint)present.Count)
        {
            handle = found;
            tree = present;
            return true;
        }

        handle = null!;
        tree = null!;
        return false;
    }

    /// <summary>A removed path's nodes are no longer to be found; files that are open can still be read.</summary>
    private static Errno Stale => Errno.ESTALE;

    private string Describe<TState>(TState state) => state switch
    {
        StorePath path => path.BaseName,
        NodeId node => DescribeNode(node),
        ValueTuple<NodeId, byte[]> named => $"{DescribeNode(named.Item1)}/{System.Text.Encoding.UTF8.GetString(named.Item2)}",
        Fuse.Requests.ReadRequest read => $"{DescribeNode(new NodeId(read.Node))} at {read.Offset}",
        Fuse.Requests.ReadDirectoryRequest list => DescribeNode(new NodeId(list.Node)),
        _ => "?",
    };

    private string DescribeNode(NodeId node)
    {
        if (node.IsFixed)
        {
            return node.Value == FixedNodes.Store ? "the store directory" : $"node {node.Value}";
        }

        if (!_nodes.TryGetKey(node.Slot, out var key))
        {
            return $"node {node.Value:x}";
        }

        return TryResolve(node, out _, out var tree) ? key.BaseName + TreePath(tree, node.Entry) : $"{key.BaseName} (entry {node.Entry})";
    }

    private static string TreePath(ManifestTree tree, int entry)
    {
        var path = "";
        for (; entry != 0; entry = tree.Parent(entry))
        {
            path = "/" + System.Text.Encoding.UTF8.GetString(tree.Name(entry)) + path;
        }

        return path;
    }
}
