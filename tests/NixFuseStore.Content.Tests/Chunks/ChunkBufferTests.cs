namespace NixFuseStore.Content.Tests;

public sealed class ChunkBufferTests
{
    [Fact]
    public void LastRelease_FreesTheMemory()
    {
        var before = ChunkBuffer.AllocatedBytes;
        var buffer = ChunkBuffer.Allocate(100_000);
        Assert.Equal(before + 100_000, ChunkBuffer.AllocatedBytes);
        buffer.Span.Fill(7);
        Assert.True(buffer.TryAddReference());
        buffer.Release();
        Assert.Equal(7, buffer.Span[99_999]);
        Assert.Equal(before + 100_000, ChunkBuffer.AllocatedBytes);
        buffer.Release();
        Assert.Equal(before, ChunkBuffer.AllocatedBytes);
    }

    [Fact]
    public void ReleasedBuffer_GivesNoNewReferences()
    {
        var buffer = ChunkBuffer.Allocate(1);
        buffer.Release();
        Assert.False(buffer.TryAddReference());
        Assert.Throws<ObjectDisposedException>(buffer.Release);
    }

    [Fact]
    public void EmptyBuffer_IsABufferLikeAnyOther()
    {
        var buffer = ChunkBuffer.Allocate(0);
        Assert.True(buffer.Span.IsEmpty);
        buffer.Release();
    }

    [Fact]
    public async Task ReferencesTakenByManyThreads_FreeOnce()
    {
        var before = ChunkBuffer.AllocatedBytes;
        for (var round = 0; round < 200; round++)
        {
            var buffer = ChunkBuffer.Allocate(4096);
            var readers = Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
            {
                var taken = 0;
                while (taken < 100 && buffer.TryAddReference())
                {
                    taken++;
                    buffer.Release();
                }
            })).ToArray();
            buffer.Release();
            await Task.WhenAll(readers);
            Assert.False(buffer.TryAddReference());
        }

        Assert.Equal(before, ChunkBuffer.AllocatedBytes);
    }
}
