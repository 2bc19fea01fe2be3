using System.Collections.Concurrent;
using System.Text.RegularExpressions;
using NixFuseStore.Daemon.Tests.Clients;
using NixFuseStore.Daemon.Tests.Stores;

namespace NixFuseStore.Daemon.Tests.Sessions;

public sealed partial class OperationTraceTests
{
    [Fact]
    public async Task Trace_ShowsEachOperation()
    {
        var lines = new ConcurrentQueue<string>();
        await TestDaemon.ConverseAsync(
            new MemoryDaemonStore(),
            minor: 38,
            static requests => requests.Number(1).Text("/nix/store/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-absent").Number(4242),
            TestDaemon.Trusting with { Trace = lines.Enqueue });
        Assert.Equal(
            [
                "> daemon N IsValidPath",
                "< daemon N IsValidPath, T ms",
                "> daemon N operation 4242",
                "< daemon N operation 4242, T ms",
            ],
            lines.Select(static line => Time().Replace(Connection().Replace(line, "daemon N "), "T ms")));
    }

    [GeneratedRegex(@"daemon \d+ ")]
    private static partial Regex Connection();

    [GeneratedRegex(@"\d+\.\d\d ms$")]
    private static partial Regex Time();
}
