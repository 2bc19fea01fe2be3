using System.Collections.Concurrent;
using System.Text.RegularExpressions;
using NixFuseStore.Fuse.Kernel;
using NixFuseStore.Fuse.Replies;
using NixFuseStore.Fuse.Requests;
using NixFuseStore.Fuse.Sessions;
using NixFuseStore.Native.Linux;
using NixFuseStore.Testing.Fuse;

namespace NixFuseStore.Fuse.Tests.Sessions;

public sealed partial class RequestTraceTests
{
    [Fact]
    public async Task Trace_ShowsEachRequestAndEachReply()
    {
        var lines = new ConcurrentQueue<string>();
        await using var kernel = new FuseTestKernel(
            new ScriptedFileSystem
            {
                OnLookup = static (in LookupRequest request, FuseReply reply) =>
                {
                    if (request.Name.SequenceEqual("there"u8))
                    {
                        reply.Entry(new FuseEntryOut(7, new FuseAttr { Inode = 7, Mode = 0x8124, Size = 12 }, FuseTimeout.Infinite, FuseTimeout.Infinite));
                    }
                    else if (request.Name.SequenceEqual("absent"u8))
                    {
                        reply.Entry(FuseEntryOut.Absent(new FuseTimeout(2, 0)));
                    }
                    else
                    {
                        reply.Error(Errno.EIO);
                    }
                },
                OnRead = static (in ReadRequest _, FuseReply reply) => reply.Bytes("content"u8),
            },
            new FuseSessionOptions { DispatchThreads = 1, Trace = lines.Enqueue });
        await kernel.LookupAsync(1, "there");
        await kernel.LookupAsync(1, "absent");
        await kernel.LookupAsync(1, "spoilt");
        await kernel.ReadAsync(7, 4096, 100);
        await kernel.AskAsync(FuseOpcode.Open, 7, new byte[8]);
        kernel.Tell(FuseOpcode.Forget, 7, new byte[8]);
        await kernel.GetAttributesAsync(7);

        Assert.Equal(
            [
                "> N LOOKUP node 1 \"there\" pid P",
                "< N LOOKUP node 7 mode 100444 size 12, T ms",
                "> N LOOKUP node 1 \"absent\" pid P",
                "< N LOOKUP absent for 2 s, T ms",
                "> N LOOKUP node 1 \"spoilt\" pid P",
                "< N LOOKUP EIO, T ms",
                "> N READ node 7 offset 4096 bytes 100 pid P",
                "< N READ 7 bytes, T ms",
                "> N OPEN node 7 pid P",
                "< N OPEN ENOSYS, T ms",
                "> N FORGET node 7 lookups 0 pid P",
                "> N GETATTR node 7 pid P",
                "< N GETATTR mode 0 size 0, T ms",
            ],
            lines.Select(static line => Time().Replace(Caller().Replace(Id().Replace(line, "$1 N "), "pid P"), "T ms")));
    }

    [Fact]
    public async Task Trace_OfRequestsThatAreNone_ShowsWhatThereIs()
    {
        var lines = new ConcurrentQueue<string>();
        await using var kernel = new FuseTestKernel(new ScriptedFileSystem(), new FuseSessionOptions { DispatchThreads = 1, Trace = lines.Enqueue });
        await kernel.AskAsync((FuseOpcode)4095, 3, "rubbish"u8.ToArray());
        await kernel.AskAsync(FuseOpcode.Read, 3, new byte[5]);
        await kernel.AskAsync(FuseOpcode.Lookup, 3, "without an end"u8.ToArray());
        var shown = string.Join('\n', lines);
        Assert.Contains("4095 node 3", shown, StringComparison.Ordinal);
        Assert.Contains("READ EIO", shown, StringComparison.Ordinal);
        Assert.Contains("LOOKUP EINVAL", shown, StringComparison.Ordinal);
    }

    [GeneratedRegex(@"^([<>]) \d+ ")]
    private static partial Regex Id();

    [GeneratedRegex(@"pid \d+$")]
    private static partial Regex Caller();

    [GeneratedRegex(@"\d+\.\d\d ms$")]
    private static partial Regex Time();
}
