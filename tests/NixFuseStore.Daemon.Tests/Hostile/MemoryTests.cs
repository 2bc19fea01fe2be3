using System.Buffers.Binary;
using NixFuseStore.Daemon.Tests.Clients;
using NixFuseStore.Daemon.Tests.Stores;

namespace NixFuseStore.Daemon.Tests.Hostile;

/// <summary>What the process allocates is seen for all its threads together, so these tests run with no other beside them.</summary>
[CollectionDefinition(nameof(MemoryTests), DisableParallelization = true)]
public sealed class MemoryTestCollection;

[Collection(nameof(MemoryTests))]
public sealed class MemoryTests
{
    // What one small request may make the server allocate. Buffers come from pools; what a claimed length would cost is far more.
    private const long RequestBytesMax = 16 * 1024 * 1024;

    // Two sockets, their buffers and the session's state; a test that sees less than the least has measured nothing.
    private const long ConnectionBytesMin = 256;
    private const long ConnectionBytesMax = 32 * 1024;

    private static readonly ulong[] HostileNumbers =
        [0, 1, 7, (1UL << 22) + 1, int.MaxValue, uint.MaxValue, 1UL << 40, long.MaxValue, 1UL << 63, ulong.MaxValue - 7, ulong.MaxValue];

    public static TheoryData<int> Minors => HostileRequestTests.Minors;

    [Theory]
    [MemberData(nameof(Minors))]
    public async Task EveryNumberOfEveryRequest_MadeHostile_CostsLittle(int minor)
    {
        byte[] greeting = TestDaemon.Greet(minor).ToArray();
        foreach (byte[] request in SampleRequests.All(minor))
        {
            for (int offset = 0; offset + 8 <= request.Length; offset += 8)
            {
                foreach (ulong number in HostileNumbers)
                {
                    byte[] hostile = HostileSession.Join(greeting, request);
                    BinaryPrimitives.WriteUInt64LittleEndian(hostile.AsSpan(greeting.Length + offset), number);
                    long before = GC.GetTotalAllocatedBytes();
                    await HostileSession.RunAsync(hostile);
                    Assert.InRange(GC.GetTotalAllocatedBytes() - before, 0, RequestBytesMax);
                }
            }
        }
    }

    [Fact]
    public async Task IdleConnection_CostsLittle()
    {
        const int Connections = 300;
        await using var daemon = new SocketDaemon(SampleStore.Create(), TestDaemon.Trusting);
        // The first ones fill pools and caches of the process that later ones share.
        (await ConnectAsync(daemon, Connections)).ForEach(client => client.Dispose());
        long before = GC.GetTotalMemory(forceFullCollection: true);

        var idle = await ConnectAsync(daemon, Connections);

        Assert.InRange((GC.GetTotalMemory(forceFullCollection: true) - before) / Connections, ConnectionBytesMin, ConnectionBytesMax);
        idle.ForEach(client => client.Dispose());
    }

    private static async Task<List<SocketClient>> ConnectAsync(SocketDaemon daemon, int count)
    {
        var clients = new List<SocketClient>();
        for (int i = 0; i < count; i++)
        {
            clients.Add(await SocketClient.ConnectAsync(daemon));
        }

        return clients;
    }
}
