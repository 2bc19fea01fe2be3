using NixFuseStore.Native.Text;

namespace NixFuseStore.Native.Tests.Text;

public sealed class PrintableTextTests
{
    [Theory]
    [InlineData("plain, with Ünïcode and 日本", "plain, with Ünïcode and 日本")]
    [InlineData("\u001b[31mred\u0007", "\\x1b[31mred\\x07")]
    [InlineData("two\r\nlines\tand a tab", "two\\x0d\\x0alines\\x09and a tab")]
    [InlineData("\u009b31m", "\\x9b31m")]
    [InlineData("turned \u202e round\u2066", "turned \\u202e round\\u2066")]
    [InlineData("line\u2028end", "line\\u2028end")]
    public void Escape_LeavesNothingThatATerminalObeys(string text, string expected) => Assert.Equal(expected, PrintableText.Escape(text));

    [Fact]
    public void EscapeLines_KeepsTheLines() => Assert.Equal($"a\\x1b{Environment.NewLine}b", PrintableText.EscapeLines("a\u001b\nb"));
}
