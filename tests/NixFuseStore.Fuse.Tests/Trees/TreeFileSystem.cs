using System.Collections.Concurrent;
using System.Text;
using NixFuseStore.Fuse.FileSystems;
using NixFuseStore.Fuse.Kernel;
using NixFuseStore.Fuse.Replies;
using NixFuseStore.Fuse.Requests;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Fuse.Tests.Trees;

/// <summary>A tree in memory: the smallest file system that uses everything.</summary>
internal sealed class TreeFileSystem : IFuseFileSystem
{
    private readonly Lock _gate = new();
    private readonly ConcurrentDictionary<ulong, TreeNode> _nodes = new();
    private ulong _lastId = 1;

    public TreeFileSystem()
    {
        Root = new TreeNode(1, FuseMode.Directory | 0x1ED, []);
        _nodes[1] = Root;
    }

    public TreeNode Root { get; }

    public FuseTimeout NegativeTimeout { get; set; } = FuseTimeout.Infinite;

    /// <summary>Lookups of this name wait until they are cancelled.</summary>
    public byte[]? HangingName { get; set; }

    public TimeSpan Deadline { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Set once a hanging lookup was cancelled.</summary>
    public TaskCompletionSource Cancelled { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Set once a hanging lookup began.</summary>
    public TaskCompletionSource Hanging { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public long ForgetCount;

    public TreeNode AddFile(TreeNode parent, string name, byte[] content, bool executable = false) =>
        Add(parent, Encoding.UTF8.GetBytes(name), FuseMode.Regular | (executable ? 0x16Du : 0x124u), content);

    public TreeNode AddDirectory(TreeNode parent, string name) => Add(parent, Encoding.UTF8.GetBytes(name), FuseMode.Directory | 0x1ED, []);

    public TreeNode AddLink(TreeNode parent, string name, string target) =>
        Add(parent, Encoding.UTF8.GetBytes(name), FuseMode.SymbolicLink | 0x1FF, Encoding.UTF8.GetBytes(target));

    public void Lookup(in LookupRequest request, FuseReply reply)
    {
        if (HangingName is { } hanging && request.Name.SequenceEqual(hanging))
        {
            reply.Defer(Deadline, this, static async (pending, self) =>
            {
                self.Hanging.TrySetResult();
                try
                {
                    await Task.Delay(Timeout.Infinite, pending.Token);
                }
                finally
                {
                    self.Cancelled.TrySetResult();
                }
            });
            return;
        }

        if (request.Name.SequenceEqual("."u8))
        {
            if (_nodes.TryGetValue(request.Parent, out var self))
            {
                reply.Entry(EntryOf(self));
            }
            else
            {
                reply.Error(Errno.ESTALE);
            }

            return;
        }

        if (Find(request.Parent, request.Name) is { } node)
        {
            reply.Entry(EntryOf(node));
        }
        else
        {
            reply.Entry(FuseEntryOut.Absent(NegativeTimeout));
        }
    }

    public void Forget(ulong node, ulong lookups) => Interlocked.Add(ref ForgetCount, (long)lookups);

    public void GetAttributes(in NodeRequest request, FuseReply reply)
    {
        if (_nodes.TryGetValue(request.Node, out var node))
        {
            reply.Attributes(node.Attributes, FuseTimeout.Infinite);
        }
        else
        {
            reply.Error(Errno.ESTALE);
        }
    }

    public void SetAttributes(in SetAttributesRequest request, FuseReply reply)
    {
        if (!_nodes.TryGetValue(request.Node, out var node) || (node.Mode & FuseMode.TypeMask) != FuseMode.Socket || request.Size is not null)
        {
            reply.Error(Errno.EROFS);
            return;
        }

        node.Mode = request.Mode is { } mode ? FuseMode.Socket | (mode & 0xFFF) : node.Mode;
        reply.Attributes(node.Attributes, FuseTimeout.Infinite);
    }

    public void ReadLink(in NodeRequest request, FuseReply reply) => reply.Bytes(_nodes[request.Node].Content);

    public void MakeNode(in MakeNodeRequest request, FuseReply reply)
    {
        if ((request.Mode & FuseMode.TypeMask) != FuseMode.Socket)
        {
            reply.Error(Errno.EROFS);
            return;
        }

        reply.Entry(EntryOf(Add(_nodes[request.Parent], request.Name.ToArray(), request.Mode, [])));
    }

    public void Unlink(in UnlinkRequest request, FuseReply reply)
    {
        if (Find(request.Parent, request.Name) is not { } node)
        {
            reply.Error(Errno.ENOENT);
        }
        else if ((node.Mode & FuseMode.TypeMask) != FuseMode.Socket)
        {
            reply.Error(Errno.EROFS);
        }
        else
        {
            lock (_gate)
            {
                _nodes[request.Parent].Children.RemoveAll(child => child.Node == node);
            }

            reply.Done();
        }
    }

    public unsafe void Read(in ReadRequest request, FuseReply reply)
    {
        var content = _nodes[request.Node].Content;
        var start = (int)Math.Min(request.Offset, (ulong)content.Length);
        var bytes = (int)Math.Min(request.Bytes, (uint)(content.Length - start));
        fixed (byte* pinned = content)
        {
            // Two segments, so that reads go through more than one.
            Span<IoVector> segments = [new(pinned + start, (nuint)(bytes / 2)), new(pinned + start + (bytes / 2), (nuint)(bytes - (bytes / 2)))];
            reply.Data(segments, lease: null);
        }
    }

    public void ReadDirectory(in ReadDirectoryRequest request, FuseReply reply)
    {
        var page = DirectoryPage.Rent(request);
        var cookie = request.Cookie;
        lock (_gate)
        {
            var children = _nodes[request.Node].Children;
            for (; cookie < (ulong)children.Count + 2; cookie++)
            {
                var added = cookie switch
                {
                    0 => page.TryAddDot("."u8, request.Node, 1),
                    1 => page.TryAddDot(".."u8, 1, 2),
                    _ => page.TryAdd(children[(int)cookie - 2].Name, EntryOf(children[(int)cookie - 2].Node), cookie + 1),
                };
                if (!added)
                {
                    break;
                }
            }
        }

        reply.Directory(page);
    }

    public void GetFileSystem(in NodeRequest request, FuseReply reply) =>
        reply.FileSystem(new FuseStatFs { Blocks = 1000, BlockSize = 4096, FragmentSize = 4096, NameBytesMax = 255, Files = (ulong)_nodes.Count });

    private static FuseEntryOut EntryOf(TreeNode node) => new(node.Id, node.Attributes, FuseTimeout.Infinite, FuseTimeout.Infinite);

    private TreeNode? Find(ulong parent, ReadOnlySpan<byte> name)
    {
        lock (_gate)
        {
            if (_nodes.TryGetValue(parent, out var directory))
            {
                foreach (var (childName, child) in directory.Children)
                {
                    if (name.SequenceEqual(childName))
                    {
                        return child;
                    }
                }
            }

            return null;
        }
    }

    private TreeNode Add(TreeNode parent, byte[] name, uint mode, byte[] content)
    {
        lock (_gate)
        {
            var node = new TreeNode(++_lastId, mode, content);
            _nodes[node.Id] = node;
            parent.Children.Add((name, node));
            return node;
        }
    }
}
