using System.Text;
using NixFuseStore.Nix.Archives;

namespace NixFuseStore.Nix.Tests.Archives;

public sealed class ReferenceScannerTests
{
    private static readonly StorePath[] Paths =
        [.. "123456789abcdfghijklmnpqrsvwxyz".Select(static digit => StoreDirectory.Default.Parse($"/nix/store/{new string('0', 31)}{digit}-x"))];

    [Theory]
    [InlineData("", "")]
    [InlineData("00000000000000000000000000000001", "1")]
    [InlineData("x00000000000000000000000000000001-", "1")]
    [InlineData("00000000000000000000000000000001 00000000000000000000000000000002", "12")]
    // Hash parts may overlap: each of them counts, as in Nix.
    [InlineData("0000000000000000000000000000000100000000000000000000000000000002", "12")]
    [InlineData("0000000000000000000000000000000e1", "")]
    [InlineData("0000000000000000000000000000001", "")]
    [InlineData("0000000000000000000000000000000A", "")]
    public void HashParts_AreFoundHoweverTheBytesCome(string text, string expected)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        for (int piece = 1; piece <= bytes.Length + 1; piece++)
        {
            Assert.Equal(expected, Find(bytes, _ => piece));
        }
    }

    [Fact]
    public void RandomPieces_FindWhatThePlainSearchFinds()
    {
        var random = new Random(20);
        for (int round = 0; round < 300; round++)
        {
            var text = new StringBuilder();
            while (text.Length < 4000)
            {
                text.Append(random.Next(4) switch
                {
                    0 => Paths[random.Next(Paths.Length)].HashPart,
                    1 => Paths[random.Next(Paths.Length)].HashPart[..random.Next(32)],
                    2 => new string('0', random.Next(40)),
                    _ => new string('e', random.Next(1, 5)),
                });
            }

            string whole = text.ToString();
            string expected = string.Concat(Paths.Where(path => whole.Contains(path.HashPart, StringComparison.Ordinal)).Select(static path => path.HashPart[^1]));
            Assert.Equal(expected, Find(Encoding.UTF8.GetBytes(whole), rest => random.Next(1, Math.Min(rest, 100) + 1)));
        }
    }

    private static string Find(ReadOnlySpan<byte> bytes, Func<int, int> piece)
    {
        var scanner = new ReferenceScanner(Paths);
        while (!bytes.IsEmpty)
        {
            int length = Math.Min(bytes.Length, piece(bytes.Length));
            scanner.Write(bytes[..length]);
            bytes = bytes[length..];
        }

        return string.Concat(scanner.Found.Order().Select(static path => path.HashPart[^1]));
    }
}
