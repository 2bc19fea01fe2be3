using NixFuseStore.Client.Metadata;
using NixFuseStore.Client.Server;


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

    [Fact]
    public async Task Put_ABadSectorInTheOldestLog_TheWriterGoesOn()
    {
        const long BytesMax = 2 << 20;
        var failing = false;
        await using var cache = Open(BytesMax, fault: operation =>
        {
            if (Volatile.Read(ref failing) && operation == "read")
            {
                throw new IOException("injected", InputOutput);
            }
        });
        await FillAsync(cache, 0, 100);

        // What was used is read from its log when that goes: the disk does not give it.
        Assert.NotNull(cache.TryRead(Key(0)));
        Volatile.Write(ref failing, true);
        await FillAsync(cache, 100, 600);

        Volatile.Write(ref failing, false);
        Assert.NotNull(cache.TryRead(Key(599)));
        Assert.Equal(0, cache.Dropped);
        Assert.InRange(Directory.GetFiles(_directory, "*.log").Sum(f => new FileInfo(f).Length), BytesMax / 2, BytesMax);
    }

    [Fact]
    public async Task Put_ABadSectorAtTheEndOfALog_GoesIntoAnother()
    {
        var notices = new List<string>();
        var appends = 0;
        var time = new FakeClock();
        await using (var cache = MetadataCache.Open(_directory, 64 << 20, time, notices.Add, operation =>
        {
            if (operation == "append" && Interlocked.Increment(ref appends) == 3)
            {
                throw new IOException("injected", InputOutput);
            }
        }))
        {
            await FillAsync(cache, 0, 5);
            time.Advance(MetadataCache.RetryInterval);
            await FillAsync(cache, 5, 10);
        }

        Assert.Contains("injected", Assert.Single(notices), StringComparison.Ordinal);
        Assert.Equal(2, Directory.GetFiles(_directory, "*.log").Length);
        await using var again = Open();
        Assert.Equal(10, again.Count);
    }

    [Theory]
    [InlineData("open", 24)] // EMFILE
    [InlineData("open", InputOutput)]
    [InlineData("read", InputOutput)]
    public async Task Open_TheDiskFailsForAWhile_LosesNothingAndTheNextProcessHasIt(string failing, int error)
    {
        await using (var cache = Open())
        {
            await FillAsync(cache, 0, 20);
        }

        var files = Directory.GetFiles(_directory, "*.log").ToDictionary(file => file, file => new FileInfo(file).Length);
        await using (var cache = Open(fault: operation =>
        {
            if (operation == failing)
            {
                throw new IOException("injected", error);
            }
        }))
        {
            Assert.Equal(0, cache.Count);
            await FillAsync(cache, 20, 30);
        }

        Assert.All(files, file => Assert.Equal(file.Value, new FileInfo(file.Key).Length));
        await using var again = Open();
        Assert.Equal(30, again.Count);
    }

    [Fact]
    public async Task Open_ADirectoryThatCannotBeMadeNow_BeginsInMemoryAndComesBack()
    {
        var disk = Directory.CreateDirectory(Path.Combine(_directory, "disk")).FullName;
        if (Run("mount", "-t", "tmpfs", "-o", "nr_inodes=3", "nixfuse-test", disk) != 0)
        {
            Assert.Skip("mounting a small tmpfs needs root");
        }

        try
        {
            // 1. No inode is left: not even the lock can be made.
            File.WriteAllText(Path.Combine(disk, "filler"), "");
            File.WriteAllText(Path.Combine(disk, "filler2"), "");
            var notices = new List<string>();
            var time = new FakeClock();
            await using (var cache = MetadataCache.Open(Path.Combine(disk, "metadata"), 1 << 20, time, notices.Add))
            {
                await FillAsync(cache, 0, 10);
                Assert.NotNull(cache.TryRead(Key(3)));
                Assert.Contains("bypassed", Assert.Single(notices), StringComparison.Ordinal);

                // 2. Space: what waited is written.
                Assert.Equal(0, Run("mount", "-o", "remount,nr_inodes=100", disk));
                time.Advance(MetadataCache.RetryInterval);
                await FillAsync(cache, 10, 11);
            }

            await using var again = MetadataCache.Open(Path.Combine(disk, "metadata"), 1 << 20, TimeProvider.System);
            Assert.Equal(11, again.Count);
        }
        finally
        {
            Run("umount", "--lazy", disk);
        }
    }

    private const int InputOutput = 5; // EIO

    private async Task FillAsync(MetadataCache cache, int from, int until)
    {
        for (var i = from; i < until; i++)
        {
            cache.Put(Key(i), Bytes(10_000));
            while (cache.IsWriting)
            {
                await Task.Delay(1, TestContext.Current.CancellationToken);
            }
        }
    }

    private static int Run(string program, params string[] arguments)
    {
        using var process = System.Diagnostics.Process.Start(program, arguments);
        process.WaitForExit();
        return process.ExitCode;
    }

    private MetadataCache Open(long bytesMax = 64 << 20, Action<string>? fault = null) =>
        MetadataCache.Open(_directory, bytesMax, TimeProvider.System, notice: null, fault);

    private sealed class FakeClock : TimeProvider
    {
        private long _ticks = 1;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public void Advance(TimeSpan by) => Interlocked.Add(ref _ticks, by.Ticks);

        public override long GetTimestamp() => Interlocked.Read(ref _ticks);
    }

    private static MetadataKey Key(int number, MetadataKind kind = MetadataKind.Section) => new(kind, new Key256((ulong)number, 7, 8, 9));

    private byte[] Bytes(int length)
    {
        var bytes = new byte[length];
        _random.NextBytes(bytes);
        return bytes;
    }

    private static async Task ReaderWaits(Func<bool> condition)
    {
        for (var i = 0; i < 30_000 && !condition(); i++)
        {
            await Task.Delay(1, TestContext.Current.CancellationToken);
        }

        Assert.True(condition());
    }
}
