using NixFuseStore.Daemon.Protocol;
using NixFuseStore.Daemon.Tests.Clients;
using NixFuseStore.Daemon.Tests.Stores;

namespace NixFuseStore.Daemon.Tests.Hostile;

public sealed class HostileRequestTests
{
    public static TheoryData<int> Minors => [18, 21, 22, 24, 25, 30, 34, 38];

    [Theory]
    [MemberData(nameof(Minors))]
    public async Task EveryOperation_IsServed(int minor)
    {
        foreach (var operation in Enum.GetValues<Operation>())
        {
            byte[] request = SampleRequests.Write(operation, minor);
            byte[] sent = await HostileSession.RunAsync(
                HostileSession.Join(TestDaemon.Greet(minor).ToArray(), request, SampleRequests.Write(Operation.SyncWithGC, minor)));
            Assert.True(EndsUsable(sent), $"{operation} at 1.{minor} leaves the connection unusable");
        }
    }

    [Theory]
    [MemberData(nameof(Minors))]
    public async Task EveryOperation_CutOffAtAnyByte_EndsTheSession(int minor)
    {
        byte[] greeting = TestDaemon.Greet(minor).ToArray();
        foreach (byte[] request in SampleRequests.All(minor))
        {
            byte[] whole = HostileSession.Join(greeting, request);
            for (int length = greeting.Length; length < whole.Length; length++)
            {
                await HostileSession.RunAsync(whole.AsMemory(0, length));
            }
        }
    }

    [Fact]
    public async Task Greeting_CutOffAtAnyByte_EndsTheSession()
    {
        byte[] greeting = TestDaemon.Greet(38).ToArray();
        for (int length = 0; length <= greeting.Length; length++)
        {
            await HostileSession.RunAsync(greeting.AsMemory(0, length), pieceBytes: 3);
        }
    }

    [Theory]
    [InlineData(0UL)]
    [InlineData(2UL)]
    [InlineData(15UL)]
    [InlineData(48UL)]
    [InlineData(1000UL)]
    [InlineData(ulong.MaxValue)]
    public async Task UnknownOperation_IsNamedAndEndsTheSession(ulong number)
    {
        var reply = await TestDaemon.ConverseAsync(SampleStore.Create(), 38, bytes => bytes.Number(number).Number(13));
        Assert.Equal($"invalid operation {number}", await reply.ExpectErrorAsync());
        await reply.ExpectEndAsync();
    }

    [Theory]
    [InlineData("/nix/store")]
    [InlineData("/nix/store/")]
    [InlineData("/nix/store/i9pmrzmpshapij2kin22pff6fc2adavx-hello.txt/inside")]
    [InlineData("/nix/store/../i9pmrzmpshapij2kin22pff6fc2adavx-hello.txt")]
    [InlineData("/etc/passwd")]
    [InlineData("i9pmrzmpshapij2kin22pff6fc2adavx-hello.txt")]
    [InlineData("")]
    public async Task NamesOutsideTheStore_AreRefused(string path)
    {
        foreach (int operation in (int[])[1, 6, 10, 11, 26, 38, 41])
        {
            var reply = await TestDaemon.ConverseAsync(SampleStore.Create(), 38, bytes => bytes.Number((ulong)operation).Text(path));
            Assert.Contains("is not a path in the store /nix/store", await reply.ExpectErrorAsync(), StringComparison.Ordinal);
            await reply.ExpectEndAsync();
        }
    }

    [Fact]
    public async Task PaddingThatIsNotZero_IsRefused()
    {
        byte[] request = SampleRequests.Write(Operation.IsValidPath, 38);
        request[^1] = 1;
        var reply = await TestDaemon.ConverseAsync(SampleStore.Create(), 38, bytes => bytes.Raw(request));
        Assert.Contains("padding", await reply.ExpectErrorAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0x6e697864UL, 0x126UL)]
    [InlineData(0x6e697863UL, 0x226UL)]
    [InlineData(0x6e697863UL, 0x111UL)]
    [InlineData(0x6e697863UL, ulong.MaxValue)]
    public async Task OtherProtocols_AreHungUpOn(ulong magic, ulong version)
    {
        byte[] sent = await HostileSession.RunAsync(new WireBytes().Number(magic).Number(version).Number(0).Number(0).Number(0).Number(13).ToArray());
        Assert.InRange(sent.Length, 0, 16);
    }

    [Fact]
    public async Task NewerClient_IsServedAtOurVersion()
    {
        byte[] sent = await HostileSession.RunAsync(
            new WireBytes().Number(0x6e697863).Number(0x1ff).Texts("some-feature").Number(1).Number(7).Number(0).Number(13).ToArray());
        Assert.True(EndsUsable(sent));
    }

    // LAST and 1, the reply of SyncWithGC.
    private static bool EndsUsable(byte[] sent) =>
        sent.AsSpan().EndsWith(new WireBytes().Number(0x616c7473).Number(1).ToArray());
}
