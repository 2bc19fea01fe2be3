namespace NixFuseStore.Cache.Tests.Recovery;

/// <summary>The process that writes until it is killed: says after every checkpoint how many chunks are safe.</summary>
internal static class KilledWriter
{
    public const string Argument = "--killed-writer";
    public const int ChunkBytes = 50_000;
    public const long SizeBytesMax = 64L << 20;

    public static async Task RunAsync(string directory)
    {
        await using var cache = await ChunkCache.OpenAsync(new ChunkCacheOptions
        {
            Directory = directory,
            SizeBytesMax = SizeBytesMax,
            CheckpointBytes = 4L << 20,
        });
        var checkpoints = cache.Status.Checkpoints;
        for (var i = 0; ; i++)
        {
            cache.Store(i, ChunkBytes);
            if (i % 16 != 0)
            {
                continue;
            }

            var status = cache.Status;
            if (status.Checkpoints != checkpoints)
            {
                // Everything stored when the checkpoint was seen last has gone into this one.
                checkpoints = status.Checkpoints;
                Console.WriteLine($"checkpoint {checkpoints} at {i}");
            }
        }
    }
}
