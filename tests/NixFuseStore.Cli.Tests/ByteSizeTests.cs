using NixFuseStore.Cli.Settings;

namespace NixFuseStore.Cli.Tests;

public sealed class ByteSizeTests
{
    [Theory]
    [InlineData("0", 0)]
    [InlineData("1000000", 1_000_000)]
    [InlineData("20GiB", 20L << 30)]
    [InlineData("20G", 20L << 30)]
    [InlineData("1.5 MiB", 3L << 19)]
    [InlineData("7kb", 7L << 10)]
    [InlineData("2T", 2L << 40)]
    public void Size_IsRead(string text, long bytes)
    {
        Assert.True(ByteSize.TryParse(text, out var read));
        Assert.Equal(bytes, read);
    }

    [Theory]
    [InlineData("")]
    [InlineData("GiB")]
    [InlineData("-1")]
    [InlineData("1e3")]
    [InlineData("0x10")]
    [InlineData("99999999999T")]
    [InlineData("twenty")]
    public void Nonsense_IsRefused(string text) => Assert.False(ByteSize.TryParse(text, out _));

    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(1023, "1023 B")]
    [InlineData(1536, "1.5 KiB")]
    [InlineData(20L << 30, "20 GiB")]
    public void Size_IsShown(long bytes, string text) => Assert.Equal(text, ByteSize.Format(bytes));
}
