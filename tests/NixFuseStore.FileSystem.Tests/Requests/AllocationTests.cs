using NixFuseStore.FileSystem.Nodes;
using NixFuseStore.Fuse.Kernel;
using NixFuseStore.Fuse.Sessions;
using NixFuseStore.Testing.Fuse;
using NixFuseStore.Testing.Stores;

namespace NixFuseStore.FileSystem.Tests.Requests;

public sealed class AllocationTests
{
    private const int Requests = 10_000;

    public static TheoryData<string> Kinds => ["path", "name", "absent name", "impossible path", "attributes", "root attributes", "link", "listing", "plus listing", "read", "figures", "forget"];

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task RequestThatIsAnsweredFromMemory_AllocatesNothing(string kind)
    {
        var reader = new FakeStoreReader();
        reader.Add(TestPaths.Hello, TestPaths.HelloTree);
        await using var file = new StoreFileSystem(reader);
        ulong root, lib, link, readme;
        await using (var kernel = new FuseTestKernel(file))
        {
            await kernel.InitAsync();
            root = (await kernel.LookupAsync(FixedNodes.Store, TestPaths.Hello)).Entry.Node;
            lib = (await kernel.LookupAsync(root, "lib")).Entry.Node;
            link = (await kernel.LookupAsync(lib, "self")).Entry.Node;
            readme = (await kernel.LookupAsync((await kernel.LookupAsync(root, "share")).Entry.Node, "readme")).Entry.Node;
            await kernel.ReadAsync(readme, 0, 4096);
        }

        var request = kind switch
        {
            "path" => Encode(FuseOpcode.Lookup, FixedNodes.Store, FuseTestKernel.Name(TestPaths.Hello)),
            "name" => Encode(FuseOpcode.Lookup, root, FuseTestKernel.Name("share")),
            "absent name" => Encode(FuseOpcode.Lookup, lib, FuseTestKernel.Name("libmissing.so")),
            "impossible path" => Encode(FuseOpcode.Lookup, FixedNodes.Store, FuseTestKernel.Name(".git")),
            "attributes" => Encode(FuseOpcode.GetAttr, link, new byte[16]),
            "root attributes" => Encode(FuseOpcode.GetAttr, root, new byte[16]),
            "link" => Encode(FuseOpcode.ReadLink, link, []),
            "listing" => Encode(FuseOpcode.ReadDirectory, lib, FuseTestKernel.ReadArgument(0, 4096)),
            "plus listing" => Encode(FuseOpcode.ReadDirectoryPlus, lib, FuseTestKernel.ReadArgument(0, 4096)),
            "read" => Encode(FuseOpcode.Read, readme, FuseTestKernel.ReadArgument(1 << 20, 4096)),
            "figures" => Encode(FuseOpcode.StatFs, 1, []),
            _ => Encode(FuseOpcode.Forget, root, new byte[8]),
        };
        var channel = new RepeatingChannel(request, warmUp: 2000, Requests);
        var session = new FuseSession(channel, file, new FuseSessionOptions { DispatchThreads = 1 });
        session.Start();
        var allocated = await channel.Allocated.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        await session.StopAsync(TimeSpan.Zero);

        Assert.Equal(0, channel.Errors);
        // Less than one byte a request: what the runtime itself does now and then (tiering) is not ours.
        Assert.True(allocated < Requests, $"{allocated} bytes for {Requests} requests");
    }

    private static byte[] Encode(FuseOpcode opcode, ulong node, byte[] body) => FuseTestKernel.Encode(opcode, unique: 2, node, body);
}
