using System.Runtime.InteropServices;
using NixFuseStore.Fuse.Channels;
using NixFuseStore.Fuse.Kernel;
using NixFuseStore.Fuse.Replies;
using NixFuseStore.Fuse.Requests;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Fuse.Sessions;

/// <summary>
/// One dispatch thread: reads a request, has it answered, reads the next. Nothing here waits for anything but the kernel,
/// and nothing is allocated per request. What each kind of request carries is in FuseDispatcher.Decoding.cs.
/// </summary>
internal sealed unsafe partial class FuseDispatcher
{
    /// <summary>Opcodes from here on are counted together, under 0.</summary>
    public const int OpcodesCounted = 64;

    private readonly FuseSession _session;
    private readonly IFuseChannel _channel;
    private readonly DispatchResponder _responder;

    // Written by this thread alone, read by those that want figures: a torn or late value would not matter, and 64-bit stores do not tear.
    private readonly long[] _requests = new long[OpcodesCounted];

    public FuseDispatcher(FuseSession session, IFuseChannel channel)
    {
        _session = session;
        _channel = channel;
        _responder = new DispatchResponder(session.Replies);
    }

    public long RequestsOf(int opcode) => Volatile.Read(ref _requests[opcode]);

    /// <summary>Works until the line is down or stopped.</summary>
    public FuseSessionEnd Run()
    {
        // Resident before the kernel writes to it: a process that is killed while one of its pages is faulted in has its request answered EIO,
        // where one that is killed later has it sent again.
        var buffer = (byte*)NativeMemory.AlignedAlloc(FuseLimits.RequestBytesMax, alignment: 4096);
        NativeMemory.Clear(buffer, FuseLimits.RequestBytesMax);
        Libc.LockMemory(buffer, FuseLimits.RequestBytesMax);
        try
        {
            using var reader = _channel.OpenReader();
            while (true)
            {
                var outcome = reader.Read(new Span<byte>(buffer, FuseLimits.RequestBytesMax), out var bytes);
                switch (outcome)
                {
                    case FuseReadOutcome.Request:
                        Dispatch(new ReadOnlySpan<byte>(buffer, bytes));
                        break;
                    case FuseReadOutcome.Unmounted:
                        return FuseSessionEnd.Unmounted;
                    case FuseReadOutcome.Aborted:
                        return FuseSessionEnd.Aborted;
                    default:
                        return FuseSessionEnd.Stopped;
                }
            }
        }
        finally
        {
            NativeMemory.AlignedFree(buffer);
        }
    }

    /// <summary>Has one request answered, or handed on.</summary>
    public void Dispatch(ReadOnlySpan<byte> message)
    {
        // 1. Without a header there is no request to answer.
        if (!RequestReader.TryOpen(message, out var reader))
        {
            _session.Replies.Counters.MalformedMessage();
            return;
        }

        var header = reader.Header;
        Count(header.Opcode);
        _session.Trace?.Request(reader);
        _responder.Begin(header.Unique, header.Opcode, header.ProcessId);

        // 2. A request sent again while we still work on it needs no second worker, only an answer under its new id.
        if ((header.Unique & FuseInHeader.ResentMark) != 0 && _session.Replies.Pending.TryAdopt(header.Unique))
        {
            _responder.EndWithoutAnswer();
            return;
        }

        // 3. Everything that goes wrong beyond this point is answered.
        try
        {
            if (reader.IsWhole)
            {
                Handle(ref reader);
            }
            else
            {
                Refuse(header.Opcode, Errno.EIO);
            }

            if (_responder.IsOpen)
            {
                throw new InvalidOperationException($"The file system left {header.Opcode} without an answer.");
            }
        }
#pragma warning disable CA1031 // Whatever goes wrong in a file system, the program that waits gets an answer and the thread lives on.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            _session.Replies.AnswerUnexpected(_responder, header.Opcode, exception);
        }
    }

    /// <summary>Answers what cannot be decoded, unless no caller waits for an answer.</summary>
    private void Refuse(FuseOpcode opcode, Errno error)
    {
        _session.Replies.Counters.MalformedMessage();
        if (opcode is FuseOpcode.Forget or FuseOpcode.BatchForget or FuseOpcode.Interrupt or FuseOpcode.NotifyReply)
        {
            _responder.EndWithoutAnswer();
        }
        else
        {
            _responder.Error(error);
        }
    }

    private void Count(FuseOpcode opcode)
    {
        ref var count = ref _requests[(uint)opcode < OpcodesCounted ? (int)opcode : 0];
        Volatile.Write(ref count, count + 1);
    }
}
