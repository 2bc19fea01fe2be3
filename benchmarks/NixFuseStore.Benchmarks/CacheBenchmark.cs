using System.Diagnostics;
using System.Globalization;
using NixFuseStore.Cache;
using NixFuseStore.Content;

namespace NixFuseStore.Benchmarks;

/// <summary>What does the chunk cache cost: opening, storing, reading from memory and disk, memory at rest?</summary>
/// <remarks>
/// Not a BenchmarkDotNet class, as most of it can happen only once per directory and the disk's state matters. Disk reads are measured
/// with the page cache as the kernel keeps it, and again after dropping it where that is allowed (root).
/// </remarks>
internal static class CacheBenchmark
{
    private const int ChunkBytes = 64 << 10;
    private const int Chunks = 16_384; // 1 GiB

    public static async Task RunAsync(string parentDirectory)
    {
        var directory = Path.Combine(parentDirectory, "nixfuse-cache-benchmark-" + Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
        var options = new ChunkCacheOptions { Directory = directory, QueueBytesMax = 64L << 20, Notice = Console.WriteLine };
        try
        {
            // 1. A cold start: the first use of FASTER in this process, with all its JIT.
            Resident("before");
            var started = Stopwatch.GetTimestamp();
            var cache = ChunkCache.OpenInBackground(options);
            Row("OpenInBackground returns, first in process", Stopwatch.GetElapsedTime(started).TotalMilliseconds, "ms");
            await cache.WaitUntilOpenAsync();
            Row("open, empty, first in process", Stopwatch.GetElapsedTime(started).TotalMilliseconds, "ms");

            // 2. Store.
            var ids = new ChunkId[Chunks];
            var random = new Random(1);
            started = Stopwatch.GetTimestamp();
            long dropped = 0;
            for (var i = 0; i < Chunks; i++)
            {
                var chunk = ChunkBuffer.Allocate(ChunkBytes);
                random.NextBytes(chunk.Span);
                ids[i] = ChunkId.Compute(chunk.Span);
                cache.Offer(chunk, ids[i]);
                for (; cache.Status.Dropped != dropped; cache.Offer(chunk, ids[i]))
                {
                    dropped = cache.Status.Dropped;
                    Thread.Sleep(1);
                }

                chunk.Release();
            }

            while (cache.Status.Stored < Chunks)
            {
                Thread.Sleep(1);
            }

            Rate("store, with making and hashing them", Chunks, Stopwatch.GetElapsedTime(started));

            // 3. From memory: the newest.
            var newest = ids[^400..];
            started = Stopwatch.GetTimestamp();
            var allocated = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 40_000; i++)
            {
                if (!cache.TryGetFromMemory(newest[i % newest.Length], out var chunk))
                {
                    throw new InvalidOperationException("not in memory");
                }

                chunk!.Release();
            }

            Rate("read from log memory, 1 thread", 40_000, Stopwatch.GetElapsedTime(started));
            Row("managed bytes per read from memory", (GC.GetAllocatedBytesForCurrentThread() - allocated) / 40_000.0, "B");
            Resident("with all log memory in use", collect: true);
            started = Stopwatch.GetTimestamp();
            await cache.DisposeAsync();
            Row("dispose, with last checkpoint", Stopwatch.GetElapsedTime(started).TotalMilliseconds, "ms");

            // 4. Recovery and disk.
            started = Stopwatch.GetTimestamp();
            cache = await ChunkCache.OpenAsync(options);
            Row("open with recovery of 1 GiB", Stopwatch.GetElapsedTime(started).TotalMilliseconds, "ms");
            foreach (var dropCaches in (bool[])[false, true])
            {
                foreach (var inFlight in (int[])[1, 8, 16])
                {
                    if (dropCaches && !DropPageCache())
                    {
                        continue;
                    }

                    await ReadAsync(cache, ids, inFlight, dropCaches ? "disk" : "page cache");
                }
            }

            Resident("at rest after reading, without a collection");
            Resident("at rest after reading", collect: true);
            started = Stopwatch.GetTimestamp();
            var report = await cache.VerifyAsync(repair: false, null, CancellationToken.None);
            Rate($"verify, {report.Bad} bad", (int)report.Entries, Stopwatch.GetElapsedTime(started));
            await cache.DisposeAsync();
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static async Task ReadAsync(ChunkCache cache, ChunkId[] ids, int inFlight, string from)
    {
        // Runs of neighbours at random places, as a program start reads.
        const int Run = 32;
        const int Reads = 4096;
        var random = new Random(inFlight);
        var order = new ChunkId[Reads];
        for (var i = 0; i < Reads; i += Run)
        {
            var at = random.Next(ids.Length - 2000 - Run);
            ids.AsSpan(at, Run).CopyTo(order.AsSpan(i));
        }

        var next = -1;
        var allocated = GC.GetTotalAllocatedBytes(precise: true);
        var started = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, inFlight).Select(_ => Task.Run(async () =>
        {
            for (int i; (i = Interlocked.Increment(ref next)) < Reads;)
            {
                var chunk = await cache.TryGetAsync(order[i], ChunkBytes, CancellationToken.None)
                    ?? throw new InvalidOperationException("missing");
                chunk.Release();
            }
        })));
        Rate($"read from {from}, {inFlight} in flight", Reads, Stopwatch.GetElapsedTime(started));
        Row("managed bytes per read", (GC.GetTotalAllocatedBytes(precise: true) - allocated) / (double)Reads, "B");
    }

    private static void Resident(string when, bool collect = false)
    {
        if (collect)
        {
            GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        }

        using var process = Process.GetCurrentProcess();
        Row($"resident {when}", process.WorkingSet64 >> 20, $"MiB, of which {GC.GetTotalMemory(false) >> 20} MiB managed");
    }

    private static bool DropPageCache()
    {
        try
        {
            using var sync = Process.Start("sync");
            sync.WaitForExit();
            File.WriteAllText("/proc/sys/vm/drop_caches", "1");
            return true;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            Console.WriteLine("the page cache cannot be dropped here: " + failure.Message);
            return false;
        }
    }

    private static void Rate(string what, int chunks, TimeSpan time) => Row(
        what, chunks / time.TotalSeconds * ChunkBytes / (1 << 20),
        string.Create(CultureInfo.InvariantCulture, $"MiB/s ({time.TotalMicroseconds / chunks:F1} us each)"));

    private static void Row(string what, double value, string unit) =>
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what,-48} {value,10:F1} {unit}"));
}
