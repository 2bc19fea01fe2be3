using System.Buffers.Binary;
using FsCheck;
using FsCheck.Fluent;
using NixFuseStore.Fuse.Kernel;
using NixFuseStore.Fuse.Sessions;
using NixFuseStore.Native.Linux;
using NixFuseStore.Testing.Fuse;

namespace NixFuseStore.Fuse.Tests.Requests;

/// <summary>Bytes in, calls and answers out, on the calling thread and without a kernel.</summary>
public sealed class RequestDecodingTests
{
    public static TheoryData<int> Vectors => new(Enumerable.Range(0, RequestVectors.All.Length));

    [Theory]
    [MemberData(nameof(Vectors))]
    public void Request_IsUnderstoodAndAnswered(int index)
    {
        var vector = RequestVectors.All[index];
        var (calls, answers, statistics) = Dispatch(vector.Bytes);

        Assert.Equal(vector.Call ?? "", calls);
        Assert.Equal(0, statistics.Malformed + statistics.Unexpected);
        if (vector.Error is not { } error)
        {
            Assert.Empty(answers);
            return;
        }

        var answer = Assert.Single(answers);
        Assert.Equal(error, answer.Error);
        Assert.Equal(0x102ul, answer.Unique);
        Assert.Equal(vector.AnswerBytes, answer.Body.Length);
    }

    [Theory]
    [MemberData(nameof(Vectors))]
    public void Request_CutAnywhere_NeverReachesTheFileSystem(int index)
    {
        var vector = RequestVectors.All[index];
        for (var length = 0; length < vector.Bytes.Length; length++)
        {
            // As it comes: the header claims more than there is.
            var (calls, answers, statistics) = Dispatch(vector.Bytes[..length]);
            Assert.Equal("", calls);
            Assert.Equal(1, statistics.Malformed);
            Assert.Equal(0, statistics.Unexpected);
            var wantsAnswer = length >= 40 && vector.Error is not null;
            Assert.Equal(wantsAnswer ? [Errno.EIO] : [], answers.Select(answer => answer.Error));
        }
    }

    [Theory]
    [MemberData(nameof(Vectors))]
    public void Request_CutWithFittingHeader_IsAnsweredOnce(int index)
    {
        var vector = RequestVectors.All[index];
        for (var length = 40; length < vector.Bytes.Length; length++)
        {
            var bytes = vector.Bytes[..length];
            BinaryPrimitives.WriteInt32LittleEndian(bytes, length);
            var (_, answers, statistics) = Dispatch(bytes);

            Assert.Equal(0, statistics.Unexpected);
            Assert.Equal(vector.Error is null ? 0 : 1, answers.Count);

            // What the file system would have to act on is refused; INIT grew over time, so a shorter one is an older one.
            if (vector.Call is not null)
            {
                Assert.Equal(1, statistics.Malformed);
                Assert.All(answers, answer => Assert.Contains(answer.Error, new[] { Errno.EIO, Errno.EINVAL }));
            }
        }
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(39u)]
    [InlineData(45u)]
    [InlineData(47u)]
    [InlineData(int.MaxValue)]
    [InlineData(uint.MaxValue)]
    public void Header_WithWrongLength_IsAnIoError(uint stated)
    {
        var request = FuseTestKernel.Encode(FuseOpcode.Lookup, 0x102, 1, FuseTestKernel.Name("hello"), stated);
        var (calls, answers, _) = Dispatch(request);
        Assert.Equal("", calls);
        Assert.Equal(Errno.EIO, Assert.Single(answers).Error);
    }

    [Theory]
    [InlineData("", Errno.EINVAL)]
    [InlineData("\0", Errno.EINVAL)]
    [InlineData("no terminator", Errno.EINVAL)]
    [InlineData("a/b\0", Errno.EINVAL)]
    [InlineData("/a\0", Errno.EINVAL)]
    [InlineData("//\0", Errno.EINVAL)]
    public void Lookup_WithBadName_IsRefused(string body, Errno expected)
    {
        var (calls, answers, _) = Dispatch(FuseTestKernel.Encode(FuseOpcode.Lookup, 0x102, 1, System.Text.Encoding.UTF8.GetBytes(body)));
        Assert.Equal("", calls);
        Assert.Equal(expected, Assert.Single(answers).Error);
    }

    [Fact]
    public void Lookup_OfADentryWithoutName_IsOneOfTheNodeItself() =>
        Assert.Equal(
            Dispatch(FuseTestKernel.Encode(FuseOpcode.Lookup, 0x102, 42, FuseTestKernel.Name("."))).Calls,
            Dispatch(FuseTestKernel.Encode(FuseOpcode.Lookup, 0x102, 42, FuseTestKernel.Name("/"))).Calls);

    [Theory]
    [InlineData(255, Errno.None)]
    [InlineData(256, Errno.ENAMETOOLONG)]
    [InlineData(4095, Errno.ENAMETOOLONG)]
    [InlineData(60_000, Errno.ENAMETOOLONG)]
    public void Lookup_WithLongName_IsTooLongFrom256(int length, Errno expected)
    {
        var request = FuseTestKernel.Encode(FuseOpcode.Lookup, 0x102, 1, FuseTestKernel.Name(new string('n', length)));
        Assert.Equal(expected, Assert.Single(Dispatch(request).Answers).Error);
    }

    [Theory]
    [InlineData(0ul, (1u << 20) + 1, Errno.EINVAL)]
    [InlineData(0ul, uint.MaxValue, Errno.EINVAL)]
    [InlineData(ulong.MaxValue, 1u, Errno.EINVAL)]
    [InlineData(1ul << 63, 1u, Errno.EINVAL)]
    [InlineData((1ul << 63) - 1, 1u << 20, Errno.None)]
    public void Read_WithHostileRange_IsRefused(ulong offset, uint bytes, Errno expected)
    {
        var request = FuseTestKernel.Encode(FuseOpcode.Read, 0x102, 1, FuseTestKernel.ReadArgument(offset, bytes));
        Assert.Equal(expected, Assert.Single(Dispatch(request).Answers).Error);
    }

    [Fact]
    public void BatchForget_WithHostileCount_ForgetsWhatIsThere()
    {
        var body = new byte[8 + 16];
        BinaryPrimitives.WriteUInt32LittleEndian(body, uint.MaxValue);
        BinaryPrimitives.WriteUInt64LittleEndian(body.AsSpan(8), 5);
        BinaryPrimitives.WriteUInt64LittleEndian(body.AsSpan(16), 1);
        var (calls, answers, statistics) = Dispatch(FuseTestKernel.Encode(FuseOpcode.BatchForget, 0x102, 0, body));
        Assert.Equal("forget 5 1", calls);
        Assert.Empty(answers);
        Assert.Equal(1, statistics.Malformed);
    }

    [Fact]
    public void SetAttr_WithoutFlags_ChangesNothing()
    {
        var request = FuseTestKernel.Encode(FuseOpcode.SetAttr, 0x102, 9, new byte[88]);
        Assert.Equal("setattr 9 mode= uid= gid= size= times=False", Dispatch(request).Calls);
    }

    [Fact]
    public void RandomBytes_AreAnsweredOnceOrNotAtAll()
    {
        var message = from opcode in Gen.Choose(0, 60)
                      from unique in Gen.Choose(1, 1000)
                      from body in Gen.ArrayOf(Gen.Choose(0, 255).Select(value => (byte)value))
                      select FuseTestKernel.Encode((FuseOpcode)opcode, (ulong)unique * 2, 1, body);
        Prop.ForAll(Arb.From(message), bytes =>
        {
            var (_, answers, statistics) = Dispatch(bytes);
            var silent = (FuseOpcode)BitConverter.ToInt32(bytes, 4) is FuseOpcode.Forget or FuseOpcode.BatchForget or FuseOpcode.Interrupt or FuseOpcode.NotifyReply;
            return answers.Count == (silent ? 0 : 1) && statistics.Unexpected == 0;
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(3000));
    }

    [Fact]
    public void RandomRubbish_NeverThrows()
    {
        Prop.ForAll<byte[]>(bytes => Dispatch(bytes).Statistics.Unexpected == 0)
            .Check(Config.QuickThrowOnFailure.WithMaxTest(1000).WithEndSize(200));
    }

    private static (string Calls, List<FuseTestReply> Answers, FuseSessionStatistics Statistics) Dispatch(byte[] message)
    {
        var fileSystem = new RecordingFileSystem();
        var answers = new List<FuseTestReply>();
        using var channel = new MemoryFuseChannel
        {
            OnWrite = bytes =>
            {
                Assert.Equal(bytes.Length, BinaryPrimitives.ReadInt32LittleEndian(bytes));
                answers.Add(new FuseTestReply(
                    BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(8)), (Errno)(-BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(4))), bytes[16..]));
                return Errno.None;
            },
        };
        var session = new FuseSession(channel, fileSystem);
        new FuseDispatcher(session, channel).Dispatch(message);
        return (string.Join("; ", fileSystem.Calls), answers, session.GetStatistics());
    }
}
