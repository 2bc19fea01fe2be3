using NixFuseStore.Client.Push;
using NixFuseStore.Client.Server;
using NixFuseStore.Client.Tests.Fixtures;
using NixFuseStore.Client.Adding;

namespace NixFuseStore.Client.Tests.Adding;

public sealed class NarSpoolTests : IDisposable
{
    private readonly SourceStore _source = new(92);

    private readonly string _directory = Directory.CreateTempSubdirectory("nixfuse-spool-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(NarSpool.SegmentBytes)]
    [InlineData((3 * NarSpool.SegmentBytes) + 17)]
    public async Task Send_WhileItIsWritten_GivesAllBytes(int length)
    {
        var bytes = _source.Bytes(length);
        using var spool = new NarSpool(new ByteBudget(64 << 20), _directory);
        using var sent = new MemoryStream();

        var sending = spool.SendAsync(sent, ReaderExtensions.Token);
        await WriteAsync(spool, bytes);
        spool.Complete();
        await sending;

        Assert.Equal(bytes, sent.ToArray());
    }

    [Fact]
    public async Task Send_MoreThanMemoryTakes_GivesAllBytesAgainFromTheStart()
    {
        var bytes = _source.Bytes((6 * NarSpool.SegmentBytes) + 5);
        using var spool = new NarSpool(new ByteBudget(2 * NarSpool.SegmentBytes), _directory);
        using var first = new MemoryStream();
        using var second = new MemoryStream();

        var sending = spool.SendAsync(first, ReaderExtensions.Token);
        await WriteAsync(spool, bytes);
        spool.Complete();
        await sending;
        await spool.SendAsync(second, ReaderExtensions.Token);

        Assert.Equal(bytes, first.ToArray());
        Assert.Equal(bytes, second.ToArray());
        Assert.Empty(Directory.EnumerateFiles(_directory));
    }

    [Fact]
    public async Task Send_FailedInTheMiddle_StartsAgainAndReleasesTheWriter()
    {
        var bytes = _source.Bytes(5 * NarSpool.SegmentBytes);
        using var spool = new NarSpool(new ByteBudget(NarSpool.SegmentBytes), _directory);
        using var sent = new MemoryStream();
        using var broken = new BrokenStream(writes: 2);

        var writing = Task.Run(
            async () =>
            {
                await WriteAsync(spool, bytes);
                spool.Complete();
            },
            ReaderExtensions.Token);
        await Assert.ThrowsAsync<IOException>(() => spool.SendAsync(broken, ReaderExtensions.Token));
        Assert.False(writing.IsCompleted);
        await spool.SendAsync(sent, ReaderExtensions.Token);
        await writing;

        Assert.Equal(bytes, sent.ToArray());
    }

    [Fact]
    public async Task Dispose_InTheMiddle_GivesItsMemoryBack()
    {
        var budget = new ByteBudget(3 * NarSpool.SegmentBytes);
        using (var spool = new NarSpool(budget, _directory))
        {
            await WriteAsync(spool, _source.Bytes(2 * NarSpool.SegmentBytes));
            Assert.False(budget.TryTake(3 * NarSpool.SegmentBytes));
        }

        Assert.True(budget.TryTake(3 * NarSpool.SegmentBytes));
    }

    [Fact]
    public async Task Write_NoPlaceForATemporaryFile_SaysSo()
    {
        var occupied = Path.Combine(_directory, "file");
        await File.WriteAllTextAsync(occupied, "", ReaderExtensions.Token);
        using var spool = new NarSpool(new ByteBudget(0), Path.Combine(occupied, "below"));
        var sending = spool.SendAsync(Stream.Null, ReaderExtensions.Token);

        // One segment is granted by an empty budget whatever its size.
        var error = await Assert.ThrowsAsync<StoreClientException>(() => WriteAsync(spool, _source.Bytes(4 * NarSpool.SegmentBytes)));

        Assert.Contains("temporary file", error.Message, StringComparison.Ordinal);
        spool.Complete();
        await sending;
    }

    private static async Task WriteAsync(NarSpool spool, ReadOnlyMemory<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            var piece = bytes[..Math.Min(bytes.Length, 100_000)];
            await spool.WriteAsync(piece, ReaderExtensions.Token);
            bytes = bytes[piece.Length..];
        }
    }

    private sealed class BrokenStream(int writes) : MemoryStream
    {
        private int _left = writes;

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
            _left-- > 0 ? default : throw new IOException("broken");
    }
}
