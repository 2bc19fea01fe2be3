using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Text;
using NixFuseStore.Fuse.FileSystems;
using NixFuseStore.Fuse.Kernel;
using NixFuseStore.Fuse.Sessions;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Testing.Fuse;

/// <summary>
/// Plays the kernel to a session: sends requests as bytes, waits for answers, and is as strict as the kernel about them
/// (one per request, right length, known id).
/// </summary>
public sealed class FuseTestKernel : IAsyncDisposable
{
    private static readonly TimeSpan AnswerWaitMax = TimeSpan.FromSeconds(60);

    private readonly ConcurrentDictionary<ulong, TaskCompletionSource<FuseTestReply>> _waiting = new();
    private ulong _lastUnique;

    public FuseTestKernel(IFuseFileSystem fileSystem, FuseSessionOptions? options = null)
    {
        Channel = new MemoryFuseChannel { OnWrite = Accept };
        Session = new FuseSession(Channel, fileSystem, options);
        Session.Start();
    }

    public MemoryFuseChannel Channel { get; }

    public FuseSession Session { get; }

    /// <summary>Notifications, header included, in order.</summary>
    public ConcurrentQueue<byte[]> Notifications { get; } = new();

    /// <summary>Answers that no request waited for: there must not be any.</summary>
    public ConcurrentQueue<FuseTestReply> Unwanted { get; } = new();

    /// <summary>What notifications are answered with.</summary>
    public Errno NotificationOutcome { get; set; }

    /// <summary>An id as the kernel gives them: even, rising.</summary>
    public ulong NextUnique() => Interlocked.Add(ref _lastUnique, 2);

    /// <summary>Bytes of a request: header, then <paramref name="body"/>.</summary>
    public static byte[] Encode(FuseOpcode opcode, ulong unique, ulong node, ReadOnlySpan<byte> body, uint? statedBytes = null)
    {
        var header = new FuseInHeader((uint)(40 + body.Length), opcode, unique, node, UserId: 1000, GroupId: 100, ProcessId: 4711, 0, 0);
        if (statedBytes is { } stated)
        {
            header = header with { Bytes = stated };
        }

        return [.. MemoryMarshal.AsBytes(new ReadOnlySpan<FuseInHeader>(in header)), .. body];
    }

    /// <summary>Sends a request and waits for its answer.</summary>
    public Task<FuseTestReply> AskAsync(FuseOpcode opcode, ulong node, ReadOnlySpan<byte> body = default, ulong? unique = null)
    {
        var id = unique ?? NextUnique();
        return AskRawAsync(id, Encode(opcode, id, node, body));
    }

    /// <summary>Sends bytes that are meant to be the request <paramref name="unique"/>.</summary>
    public Task<FuseTestReply> AskRawAsync(ulong unique, byte[] message)
    {
        var answer = _waiting.GetOrAdd(unique, static _ => new(TaskCreationOptions.RunContinuationsAsynchronously));
        Channel.Enqueue(message);
        return answer.Task.WaitAsync(AnswerWaitMax);
    }

    /// <summary>Sends something that gets no answer.</summary>
    public void Tell(FuseOpcode opcode, ulong node, ReadOnlySpan<byte> body) => Channel.Enqueue(Encode(opcode, NextUnique(), node, body));

    public Task<FuseTestReply> InitAsync(uint minor = 45, FuseFeatures features = (FuseFeatures)0x5fd73fffffb)
    {
        var body = new byte[64];
        var words = MemoryMarshal.Cast<byte, uint>(body.AsSpan());
        words[0] = 7;
        words[1] = minor;
        words[2] = 131072;
        words[3] = (uint)features;
        words[4] = (uint)((ulong)features >> 32);
        return AskAsync(FuseOpcode.Init, 0, body);
    }

    public Task<FuseTestReply> LookupAsync(ulong parent, string name) => AskAsync(FuseOpcode.Lookup, parent, Name(name));

    public Task<FuseTestReply> GetAttributesAsync(ulong node) => AskAsync(FuseOpcode.GetAttr, node, new byte[16]);

    public Task<FuseTestReply> ReadLinkAsync(ulong node) => AskAsync(FuseOpcode.ReadLink, node);

    public Task<FuseTestReply> StatFsAsync() => AskAsync(FuseOpcode.StatFs, 1);

    public Task<FuseTestReply> ReadAsync(ulong node, ulong offset, uint bytes, ulong? unique = null) =>
        AskAsync(FuseOpcode.Read, node, ReadArgument(offset, bytes), unique);

    public Task<FuseTestReply> ReadDirectoryAsync(ulong node, ulong cookie, uint bytes, bool plus) =>
        AskAsync(plus ? FuseOpcode.ReadDirectoryPlus : FuseOpcode.ReadDirectory, node, ReadArgument(cookie, bytes));

    public void Interrupt(ulong unique)
    {
        var body = BitConverter.GetBytes(unique);
        Channel.Enqueue(Encode(FuseOpcode.Interrupt, unique | 1, 0, body));
    }

    /// <summary>A name as it travels: with its terminator.</summary>
    public static byte[] Name(string name) => Encoding.UTF8.GetBytes(name + "\0");

    /// <summary>fuse_read_in.</summary>
    public static byte[] ReadArgument(ulong offset, uint bytes)
    {
        var argument = new FuseReadIn(Handle: 0, offset, bytes, ReadFlags: 0, LockOwner: 0, Flags: 0, Padding: 0);
        return MemoryMarshal.AsBytes(new ReadOnlySpan<FuseReadIn>(in argument)).ToArray();
    }

    public async ValueTask DisposeAsync()
    {
        await Session.StopAsync(TimeSpan.Zero);
        Channel.Dispose();
    }

    private Errno Accept(byte[] message)
    {
        var header = MemoryMarshal.Read<FuseOutHeader>(message);
        if (header.Bytes != message.Length)
        {
            return Errno.EINVAL;
        }

        if (header.Unique == 0)
        {
            Notifications.Enqueue(message);
            return NotificationOutcome;
        }

        var reply = new FuseTestReply(header.Unique, (Errno)(-header.Error), message[16..]);
        if (_waiting.TryRemove(header.Unique, out var waiting))
        {
            waiting.SetResult(reply);
            return Errno.None;
        }

        Unwanted.Enqueue(reply);
        return Errno.ENOENT;
    }
}
