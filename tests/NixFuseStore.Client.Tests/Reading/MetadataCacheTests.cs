using NixFuseStore.Client.Reading;

namespace NixFuseStore.Client.Tests.Reading;

public sealed class MetadataCacheTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("nixfuse-meta-").FullName;
    private readonly Random _random = new(5);

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task Put_ThenReopen_ReadsTheSame()
    {
        var entries = Enumerable.Range(0, 100).Select(i => (Key: Key(i), Payload: Bytes(_random.Next(5000)))).ToArray();
        await using (var cache = Open())
        {
            foreach (var (key, payload) in entries)
            {
                cache.Put(in key, payload);
                Assert.Equal(payload, cache.TryRead(in key));
            }
        }

        await using var again = Open();
        Assert.Equal(100, again.Count);
        Assert.Equal(100, again.CountOf(MetadataKind.Section));
        Assert.All(entries, e => Assert.Equal(e.Payload, again.TryRead(in e.Key)));
    }

    [Fact]
    public async Task Put_Again_Replaces()
    {
        var key = Key(1, MetadataKind.Path);
        await using (var cache = Open())
        {
            cache.Put(in key, [1]);
            cache.Put(in key, [2]);
        }

        await using var again = Open();
        Assert.Equal([2], again.TryRead(in key)!);
    }

    [Fact]
    public async Task Remove_OfAPath_HoldsAfterRestart()
    {
        var key = Key(1, MetadataKind.Path);
        await using (var cache = Open())
        {
            cache.Put(in key, [1]);
        }

        await using (var cache = Open())
        {
            cache.Remove(in key);
            Assert.Null(cache.TryRead(in key));
        }

        await using var again = Open();
        Assert.Null(again.TryRead(in key));
        Assert.Equal(0, again.CountOf(MetadataKind.Path));
    }

    [Fact]
    public async Task Open_TornAtEveryLength_KeepsWhatIsWhole()
    {
        var entries = Enumerable.Range(0, 3).Select(i => (Key: Key(i), Payload: Bytes(20))).ToArray();
        await using (var cache = Open())
        {
            foreach (var (key, payload) in entries)
            {
                cache.Put(in key, payload);
            }
        }

        var log = Assert.Single(Directory.GetFiles(_directory, "*.log"));
        var bytes = await File.ReadAllBytesAsync(log, TestContext.Current.CancellationToken);
        for (var length = 0; length <= bytes.Length; length++)
        {
            File.WriteAllBytes(log, bytes[..length]);
            await using (var cache = Open())
            {
                var whole = length < 8 ? 0 : (length - 8) / (MetadataEntryHeader.Size + 20);
                Assert.Equal(whole, cache.Count);
                for (var i = 0; i < whole; i++)
                {
                    Assert.Equal(entries[i].Payload, cache.TryRead(in entries[i].Key));
                }

                cache.Put(Key(9), [9]);
            }

            await using (var cache = Open())
            {
                Assert.Equal([9], cache.TryRead(Key(9))!);
            }

            foreach (var file in Directory.GetFiles(_directory, "*.log"))
            {
                File.Delete(file);
            }
        }
    }

    [Fact]
    public async Task Read_AnyByteChanged_IsMissingOrRight()
    {
        var entries = Enumerable.Range(0, 3).Select(i => (Key: Key(i), Payload: Bytes(20))).ToArray();
        await using (var cache = Open())
        {
            foreach (var (key, payload) in entries)
            {
                cache.Put(in key, payload);
            }
        }

        var log = Assert.Single(Directory.GetFiles(_directory, "*.log"));
        var bytes = await File.ReadAllBytesAsync(log, TestContext.Current.CancellationToken);
        for (var at = 0; at < bytes.Length; at++)
        {
            var changed = (byte[])bytes.Clone();
            changed[at] ^= 0x10;
            File.WriteAllBytes(log, changed);
            await using var cache = Open();
            var right = 0;
            foreach (var (key, payload) in entries)
            {
                var read = cache.TryRead(in key);
                Assert.True(read is null || read.AsSpan().SequenceEqual(payload));
                right += read is null ? 0 : 1;
            }

            Assert.InRange(right, 0, 2);
        }
    }

    [Fact]
    public async Task Put_MoreThanTheBound_DropsTheOldestAndKeepsWhatIsUsed()
    {
        const long BytesMax = 2 << 20;
        await using (var cache = Open(BytesMax))
        {
            for (var i = 0; i < 600; i++)
            {
                cache.Put(Key(i), Bytes(10_000));

                // Read from disk now and then, as a path in use is.
                await ReaderWaits(() => cache.TryRead(Key(0)) is not null);
                while (cache.IsWriting)
                {
                    await Task.Delay(1, TestContext.Current.CancellationToken);
                }
            }

            Assert.NotNull(cache.TryRead(Key(599)));
            Assert.NotNull(cache.TryRead(Key(0)));
            Assert.Null(cache.TryRead(Key(1)));
        }

        Assert.InRange(Directory.GetFiles(_directory, "*.log").Sum(f => new FileInfo(f).Length), BytesMax / 2, BytesMax);
        await using var again = Open(BytesMax);
        Assert.NotNull(again.TryRead(Key(0)));
    }

    [Fact]
    public async Task Open_InUse_IsRefusedClearly()
    {
        await using var cache = Open();

        var error = Assert.Throws<StoreConfigurationException>(() => Open());

        Assert.Contains("in use", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Put_WithoutDirectory_StaysInMemoryWithinItsBound()
    {
        await using var cache = MetadataCache.Open(null, 1 << 20, TimeProvider.System);
        for (var i = 0; i < 100; i++)
        {
            cache.Put(Key(i), Bytes(1 << 20));
        }

        Assert.NotNull(cache.TryRead(Key(99)));
        Assert.Null(cache.TryRead(Key(0)));
        Assert.InRange(cache.Count, 20, (int)(MetadataCache.PendingBytesMax >> 20));
    }

    private MetadataCache Open(long bytesMax = 64 << 20) => MetadataCache.Open(_directory, bytesMax, TimeProvider.System);

    private static MetadataKey Key(int number, MetadataKind kind = MetadataKind.Section) => new(kind, new Key256((ulong)number, 7, 8, 9));

    private byte[] Bytes(int length)
    {
        var bytes = new byte[length];
        _random.NextBytes(bytes);
        return bytes;
    }

    private static async Task ReaderWaits(Func<bool> condition)
    {
        for (var i = 0; i < 100 && !condition(); i++)
        {
            await Task.Delay(1, TestContext.Current.CancellationToken);
        }
    }
}
