using System.Runtime.InteropServices;
using NixFuseStore.Fuse.Kernel;
using NixFuseStore.Fuse.Sessions;
using NixFuseStore.Native.Linux;
using NixFuseStore.Testing.Fuse;

namespace NixFuseStore.Fuse.Tests.Sessions;

public sealed class NegotiationTests
{
    [Fact]
    public async Task Init_AgreesOnWhatPays()
    {
        await using var kernel = new FuseTestKernel(new ScriptedFileSystem());
        var reply = await kernel.InitAsync();
        var answer = MemoryMarshal.Read<FuseInitOut>(reply.Body);
        Assert.Equal((7u, 45u), (answer.Major, answer.Minor));
        Assert.Equal((131072u, 64, 48, 4096u, 1u, 256), (answer.ReadAheadBytesMax, answer.BackgroundRequestsMax, answer.CongestionThreshold, answer.WriteBytesMax, answer.TimeGranularity, answer.PagesMax));

        var connection = await kernel.Session.Connection;
        var expected = FuseFeatures.AsyncRead | FuseFeatures.NoExportSupport | FuseFeatures.BigWrites | FuseFeatures.ReadDirectoryPlus
            | FuseFeatures.ReadDirectoryPlusAuto | FuseFeatures.AsyncDirectIo | FuseFeatures.NoOpenSupport | FuseFeatures.ParallelDirectoryOperations
            | FuseFeatures.AbortError | FuseFeatures.MaxPages | FuseFeatures.CacheSymlinks | FuseFeatures.NoOpenDirectorySupport
            | FuseFeatures.ExplicitInvalidateData | FuseFeatures.InitExtended | FuseFeatures.Resend;
        Assert.Equal(expected, connection.Features);
        Assert.Equal((uint)expected, answer.Flags);
        Assert.Equal((uint)((ulong)expected >> 32), answer.FlagsHigh);
    }

    [Fact]
    public async Task Init_OfAnOlderKernel_GetsItsVersionAndOnlyWhatItOffers()
    {
        await using var kernel = new FuseTestKernel(new ScriptedFileSystem());
        await kernel.InitAsync(minor: 31, features: FuseFeatures.AsyncRead | FuseFeatures.MaxPages | FuseFeatures.Resend);
        var connection = await kernel.Session.Connection;
        Assert.Equal(31u, connection.Minor);
        Assert.Equal(FuseFeatures.AsyncRead | FuseFeatures.MaxPages, connection.Features); // no INIT_EXT, so the high word is rubbish
    }

    [Fact]
    public async Task Init_OfANewerMinor_GetsOurs()
    {
        await using var kernel = new FuseTestKernel(new ScriptedFileSystem());
        Assert.Equal(45u, MemoryMarshal.Read<FuseInitOut>((await kernel.InitAsync(minor: 99)).Body).Minor);
    }

    [Theory]
    [InlineData(6, 99)]
    [InlineData(7, 22)]
    public async Task Init_OfATooOldKernel_IsRefused(uint major, uint minor)
    {
        await using var kernel = new FuseTestKernel(new ScriptedFileSystem());
        Assert.Equal(Errno.EPROTO, (await kernel.AskAsync(FuseOpcode.Init, 0, Offer(major, minor))).Error);
        Assert.False(kernel.Session.Connection.IsCompleted);
    }

    [Fact]
    public async Task Init_OfANewerMajor_IsToldOursAndMayAskAgain()
    {
        await using var kernel = new FuseTestKernel(new ScriptedFileSystem());
        var reply = await kernel.AskAsync(FuseOpcode.Init, 0, Offer(8, 0));
        Assert.Equal(7u, MemoryMarshal.Read<FuseInitOut>(reply.Body).Major);
        Assert.False(kernel.Session.Connection.IsCompleted);
        await kernel.InitAsync();
        Assert.Equal(45u, (await kernel.Session.Connection).Minor);
    }

    [Fact]
    public async Task ResumedSession_NeedsNoInit()
    {
        var state = new FuseConnection(45, FuseFeatures.Resend, 131072);
        await using var kernel = new FuseTestKernel(new ScriptedFileSystem(), new FuseSessionOptions { Resume = state });
        Assert.Same(state, await kernel.Session.Connection);
        Assert.Equal(Errno.None, (await kernel.GetAttributesAsync(1)).Error);
    }

    private static byte[] Offer(uint major, uint minor)
    {
        var body = new byte[64];
        BitConverter.TryWriteBytes(body, major);
        BitConverter.TryWriteBytes(body.AsSpan(4), minor);
        return body;
    }
}
