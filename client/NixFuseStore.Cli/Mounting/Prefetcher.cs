using NixFuseStore.Cli.Errors;
using NixFuseStore.Cli.Settings;
using NixFuseStore.Client;
using NixFuseStore.Client.Prefetch;
using NixFuseStore.Client.Relations;
using NixFuseStore.Nix;

namespace NixFuseStore.Cli.Mounting;

/// <summary>Fetches the closure of paths into a reader's cache.</summary>
internal static class Prefetcher
{
    private static readonly TimeSpan ProgressInterval = TimeSpan.FromMilliseconds(500);

    /// <summary>Returns what was done, in words.</summary>
    public static async Task<string> RunAsync(
        StoreReader reader, IReadOnlyList<StorePath> paths, Action<string> show, CancellationToken cancellationToken)
    {
        // What only an upstream cache has comes first: a closure is of paths that are valid.
        var missing = paths.Zip(await reader.FindManyAsync(paths, cancellationToken).ConfigureAwait(false)).Where(pair => pair.Second is null).Select(pair => pair.First).ToArray();
        if (missing.Length > 0)
        {
            show("asking the upstream caches of the store");
            var failures = await new Substitutes(reader).FetchAsync(missing, cancellationToken).ConfigureAwait(false);
            if (failures.Count > 0)
            {
                throw new CliException(string.Join("; ", failures));
            }
        }

        var closure = await reader.FindClosureAsync(paths, cancellationToken).ConfigureAwait(false);
        var done = await reader.PrefetchAsync(closure, new Progress(show), cancellationToken).ConfigureAwait(false);
        return $"{done.Paths} paths, {ByteSize.Format(done.BytesTotal)} of content: {ByteSize.Format(done.BytesFetched)} fetched, {ByteSize.Format(done.BytesPresent)} already present";
    }

    /// <summary>Reports at once: the pool's turn may come late.</summary>
    private sealed class Progress(Action<string> show) : IProgress<PrefetchProgress>
    {
        private long _next;

        public void Report(PrefetchProgress value)
        {
            var now = Environment.TickCount64;
            var next = Volatile.Read(ref _next);
            if (now >= next && Interlocked.CompareExchange(ref _next, now + (long)ProgressInterval.TotalMilliseconds, next) == next)
            {
                show($"{ByteSize.Format(value.BytesFetched)} of {ByteSize.Format(value.BytesTotal - value.BytesPresent)} fetched");
            }
        }
    }
}
