using System.Text;
using NixFuseStore.Cli.LocalSockets;

namespace NixFuseStore.Cli.Tests.LocalSockets;

public sealed class LineReaderTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(4096)]
    [InlineData(100_000)]
    public async Task Lines_InPiecesOfAnySize_AreReadWhole(int pieceBytes)
    {
        string[] lines = ["one", "", new string('x', 9000), "last"];
        var reader = new LineReader(new Pieces(string.Join('\n', lines), pieceBytes), 10_000);
        foreach (var line in lines)
        {
            Assert.Equal(line, await reader.ReadAsync(TestContext.Current.CancellationToken));
        }

        Assert.Null(await reader.ReadAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task EndlessLine_IsRefused_AndCostsLittle()
    {
        const int LineBytesMax = 1 << 20;
        var endless = new Pieces(text: null, 1 << 16);
        await Assert.ThrowsAsync<InvalidDataException>(() => new LineReader(endless, LineBytesMax).ReadAsync(TestContext.Current.CancellationToken).AsTask());
        Assert.InRange(endless.BytesRead, 1, LineBytesMax);
    }

    [Fact]
    public async Task Line_OfExactlyTheBound_IsRefused_AndOneShorterRead()
    {
        Assert.Equal("1234567", await new LineReader(new Pieces("1234567\n", 100), 8).ReadAsync(TestContext.Current.CancellationToken));
        await Assert.ThrowsAsync<InvalidDataException>(() => new LineReader(new Pieces("12345678\n", 100), 8).ReadAsync(TestContext.Current.CancellationToken).AsTask());
    }

    /// <summary>A stream that gives so many bytes at a time; without a text it has no end.</summary>
    private sealed class Pieces(string? text, int pieceBytes) : MemoryStream(Encoding.UTF8.GetBytes(text ?? ""))
    {
        public long BytesRead { get; private set; }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var wanted = buffer[..Math.Min(buffer.Length, pieceBytes)];
            var read = text is null ? wanted.Length : await base.ReadAsync(wanted, cancellationToken);
            if (text is null)
            {
                wanted.Span.Fill((byte)'a');
            }

            BytesRead += read;
            return read;
        }
    }
}
