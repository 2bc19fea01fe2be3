using NixFuseStore.Protocol.Grpc;
using Xunit;

namespace NixFuseStore.Protocol.Tests.Grpc;

public sealed class GrpcWireTests
{
    [Fact]
    public void Frame_Message_HasPrefixOfFiveBytes()
    {
        var bytes = GrpcWire.Frame(new GetStoreRequest { Store = "ab" });
        Assert.Equal([0, 0, 0, 0, 4, 0x0a, 2, (byte)'a', (byte)'b'], bytes);
        Assert.Equal(4, GrpcWire.ReadPrefix(bytes, 4));
    }

    [Fact]
    public void ReadPrefix_LongerThanAllowed_IsRefused()
    {
        Assert.Equal(StatusCode.ResourceExhausted, Assert.Throws<RpcException>(() => GrpcWire.ReadPrefix([0, 0, 0, 0, 5], 4)).StatusCode);
        Assert.Equal(
            StatusCode.ResourceExhausted, Assert.Throws<RpcException>(() => GrpcWire.ReadPrefix([0, 0xff, 0xff, 0xff, 0xff], int.MaxValue)).StatusCode);
    }

    [Fact]
    public void ReadPrefix_CompressedOrWorse_IsRefused()
    {
        Assert.Equal(StatusCode.Unimplemented, Assert.Throws<RpcException>(() => GrpcWire.ReadPrefix([1, 0, 0, 0, 1], 4)).StatusCode);
        Assert.Equal(StatusCode.Internal, Assert.Throws<RpcException>(() => GrpcWire.ReadPrefix([2, 0, 0, 0, 1], 4)).StatusCode);
    }

    [Theory]
    [InlineData("", "")]
    [InlineData("plain text", "plain text")]
    [InlineData("100 %", "100 %25")]
    [InlineData("a\nb", "a%0Ab")]
    [InlineData("ü", "%C3%BC")]
    public void Message_Text_IsEncodedAndBack(string text, string encoded)
    {
        Assert.Equal(encoded, GrpcWire.EncodeMessage(text));
        Assert.Equal(text, GrpcWire.DecodeMessage(encoded));
    }

    [Theory]
    [InlineData("%", "%")]
    [InlineData("%4", "%4")]
    [InlineData("%zz", "%zz")]
    [InlineData("a%41%", "aA%")]
    public void DecodeMessage_WronglyEncoded_StaysAsItIs(string encoded, string text) => Assert.Equal(text, GrpcWire.DecodeMessage(encoded));

    [Theory]
    [InlineData(1, "1m")]
    [InlineData(1_500, "1500m")]
    [InlineData(99_999_999, "99999999m")]
    [InlineData(100_000_000, "100000S")]
    public void FormatTimeout_Milliseconds_AtMostEightDigits(long milliseconds, string text)
    {
        Assert.Equal(text, GrpcWire.FormatTimeout(TimeSpan.FromMilliseconds(milliseconds)));
        Assert.True(GrpcWire.TryParseTimeout(text, out var parsed));
        Assert.Equal(milliseconds, parsed.TotalMilliseconds);
    }

    [Theory]
    [InlineData("2H", 7_200_000)]
    [InlineData("3M", 180_000)]
    [InlineData("4S", 4_000)]
    [InlineData("5m", 5)]
    [InlineData("6000u", 6)]
    [InlineData("7000000n", 7)]
    public void TryParseTimeout_EachUnit_IsUnderstood(string text, double milliseconds)
    {
        Assert.True(GrpcWire.TryParseTimeout(text, out var parsed));
        Assert.Equal(milliseconds, parsed.TotalMilliseconds);
    }

    [Theory]
    [InlineData("")]
    [InlineData("S")]
    [InlineData("-1S")]
    [InlineData("1")]
    [InlineData("1s")]
    [InlineData("123456789S")]
    public void TryParseTimeout_AnythingElse_IsNone(string text) => Assert.False(GrpcWire.TryParseTimeout(text, out _));
}
